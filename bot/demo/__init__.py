"""The bundled incident: a small real service, its captured logs, a scripted model."""
