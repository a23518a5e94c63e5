"""Certificates, apart from keys: reading what makes them costs each run a moment more."""

import datetime as dt
from collections.abc import Sequence

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

# Hosts' clocks may be off: what is made for one campaign is not to be refused for its date.
_VALID_FROM = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
_VALID_UNTIL = dt.datetime(2120, 1, 1, tzinfo=dt.UTC)


def self_signed(
    name: str, extensions: Sequence[x509.ExtensionType] = ()
) -> tuple[str, x509.Certificate]:
    """A private P-256 key (PKCS #8, PEM) and a certificate of a common name signed with it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_VALID_FROM)
        .not_valid_after(_VALID_UNTIL)
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return private.decode(), builder.sign(key, hashes.SHA256())


def pem(certificate: x509.Certificate) -> str:
    """A certificate as PEM text."""
    return certificate.public_bytes(Encoding.PEM).decode()
