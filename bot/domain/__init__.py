"""The words of the project as frozen types. No I/O; imports nothing else of ours."""
