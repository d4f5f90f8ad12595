"""Brings records in: the Log protocol and its logs, the Bytewax source over any Log, the CRM mapping, file import."""
