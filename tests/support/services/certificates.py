"""Certificates for the tests of TLS: an authority, the servers on 127.0.0.1, and clients."""

from __future__ import annotations

from pathlib import Path

import trustme
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)


class Authority:
    """One certificate authority; what it issues lies in ``folder`` as PEM files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self._authority = trustme.CA()
        self.ca_file = folder / "ca.pem"
        self._authority.cert_pem.write_to_path(self.ca_file)

    def server(self, host: str = "127.0.0.1") -> tuple[Path, Path]:
        """The files of a server's certificate and key."""
        return self._written("server", self._authority.issue_cert(host))

    def client(self, name: str) -> tuple[Path, Path]:
        """The files of a client's certificate and key; a broker knows it as ``CN=name,...``."""
        return self._written(name, self._authority.issue_cert(f"{name}.example", common_name=name))

    def _written(self, name: str, leaf: trustme.LeafCert) -> tuple[Path, Path]:
        certificate, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        certificate.write_bytes(b"".join(part.bytes() for part in leaf.cert_chain_pems))
        key.touch(mode=0o600)
        private = load_pem_private_key(leaf.private_key_pem.bytes(), password=None)
        key.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return certificate, key
