"""The command line, installed as smets.tools: one module a family of commands."""
