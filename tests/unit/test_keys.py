"""What is made here is read back by another implementation's rules: OpenSSL's."""

import ipaddress
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import PublicFormat

from meshbench.util import certificates, keys

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")


def openssl(*argv: str, stdin: str = "") -> str:
    done = subprocess.run(
        ["openssl", *argv], input=stdin, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("form", "flag"),
    [(PublicFormat.PKCS1, "-RSAPublicKey_out"), (PublicFormat.SubjectPublicKeyInfo, "-pubout")],
)
def test_an_rsa_pair_belongs_together(form: PublicFormat, flag: str) -> None:
    private, public = keys.rsa_pair(2048, form)
    assert openssl("rsa", flag, stdin=private) == public


def test_a_certificate_is_of_its_key_and_name(tmp_path: Path) -> None:
    address = x509.IPAddress(ipaddress.ip_address("198.19.0.1"))
    private, certificate = certificates.self_signed("lom", [x509.SubjectAlternativeName([address])])
    path = tmp_path / "certificate.pem"
    path.write_text(certificates.pem(certificate))
    assert openssl("x509", "-in", str(path), "-noout", "-pubkey") == openssl(
        "ec", "-pubout", stdin=private
    )
    output = openssl("x509", "-in", str(path), "-noout", "-subject", "-ext", "subjectAltName")
    assert "CN = lom" in output.replace("CN=lom", "CN = lom")
    assert "198.19.0.1" in output
    assert "OK" in openssl("verify", "-CAfile", str(path), str(path))
