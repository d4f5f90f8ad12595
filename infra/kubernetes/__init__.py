"""Manifests for Kubernetes, as code."""
