class LocalServicesError(Exception):
    """A local service could not be started or stopped; the message says why and where its log is."""
