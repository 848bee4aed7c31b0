"""Certificate signing requests, DER or PEM."""

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from gbcs.errors import ParseError, SecurityError
from gbcs.ids import EntityId
from gbcs.security.certificates import hardware_module_name
from gbcs.security.requests import read_request
from tests.fuzz.harness import Target
from tests.gbcs import generated
from tests.gbcs.crafted import usage


def seeds() -> list[bytes]:
    found = []
    for number, entity in enumerate(generated.DEVICES.values(), 1):
        bit = "digital_signature" if number % 2 else "key_agreement"
        request = (
            x509.CertificateSigningRequestBuilder()
            .subject_name(x509.Name([]))
            .add_extension(usage(bit), True)
            .add_extension(hardware_module_name(entity), True)
            .sign(ec.derive_private_key(number, ec.SECP256R1()), SHA256(), ecdsa_deterministic=True)
        )
        found += [request.public_bytes(Encoding.DER), request.public_bytes(Encoding.PEM)]
    return found


def one(octets: bytes) -> bool:
    request = read_request(octets)
    # the signature is over everything: what is accepted is one of those made
    assert EntityId(request.entity) in generated.DEVICES.values()
    return True


TARGET = Target("request", seeds, one, (ParseError, SecurityError))
