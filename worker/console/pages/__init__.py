"""The pages, a module a screen."""
