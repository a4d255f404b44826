"""The only place where vendor SDKs are imported. One module an implementation of a port."""
