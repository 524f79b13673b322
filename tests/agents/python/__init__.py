"""Tests of agents/python."""
