"""message-router: WebSocket clients, rooms, and a broker between the instances."""
