"""The signature against AWS's published vectors and against botocore."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from sinks.providers.sigv4 import Key, signed

KEY = Key("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "us-east-1", "service")
AT = datetime(2015, 8, 30, 12, 36, tzinfo=UTC)


@pytest.mark.parametrize(  # of the AWS Signature Version 4 test suite: get-vanilla, post-vanilla
    ("method", "signature"),
    [
        ("GET", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        ("POST", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
    ],
)
def test_the_published_vectors(method: str, signature: str):
    headers = signed(KEY, method, "/", {"Host": "example.amazonaws.com"}, b"", AT)
    assert headers["X-Amz-Date"] == "20150830T123600Z"
    assert headers["Authorization"] == (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request,"
        f" SignedHeaders=host;x-amz-date, Signature={signature}"
    )


@given(st.binary(max_size=200), st.sampled_from(["/", "/v2/email/outbound-emails", "/a/b-c_d~e"]))
def test_botocore_signs_alike(body: bytes, path: str):
    said = {"Host": "email.eu-west-1.amazonaws.com", "Content-Type": "application/json"}
    ours = signed(KEY, "POST", path, said, body, datetime.now(UTC))
    request = AWSRequest("POST", f"https://{said['Host']}{path}", {"Content-Type": said["Content-Type"]}, body)
    request.context["timestamp"] = ours["X-Amz-Date"]
    signer = SigV4Auth(Credentials(KEY.id, KEY.secret), KEY.service, KEY.region)
    request.headers["X-Amz-Date"] = ours["X-Amz-Date"]
    canonical = signer.canonical_request(request)
    signature = signer.signature(signer.string_to_sign(request, canonical), request)
    assert ours["Authorization"].endswith(f"Signature={signature}")
