"""Tests of the measuring tools themselves."""
