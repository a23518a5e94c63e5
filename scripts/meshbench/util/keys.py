"""Keys, in the forms that the programs on the hosts read."""

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)


def rsa_pair(bits: int, public: PublicFormat) -> tuple[str, str]:
    """A private RSA key (PKCS #1) and its public one, both in PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    return private.decode(), key.public_key().public_bytes(Encoding.PEM, public).decode()
