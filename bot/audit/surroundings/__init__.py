"""Servers, clocks, levels and counted failures around a test."""
