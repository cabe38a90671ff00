"""What AWS answers when it says no -> one clear error with the right exit code.

Reads botocore's exceptions by their name and fields, so that this module imports no
botocore and both edges that talk to AWS can share it.
"""

from __future__ import annotations

from athena_flow.errors import (
    AccessDenied,
    AccessError,
    AthenaFlowError,
    BadSetting,
    EngineError,
    NoCredentials,
    NotFound,
)

IAM = "the README lists the IAM actions that are needed"
"""What to do about a denial."""
_LOGIN = "log in again (aws sso login, or new keys), or choose another --profile"
_EXPIRED = {
    "ExpiredToken",
    "ExpiredTokenException",
    "RequestExpired",
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "InvalidToken",
    "UnauthorizedSSOTokenError",
    "SSOTokenLoadError",
    "TokenRetrievalError",
    "CredentialRetrievalError",
}
_NO_CREDENTIALS = {"NoCredentialsError", "PartialCredentialsError", "ProfileNotFound"}
_DENIED = {
    "AccessDenied",
    "AccessDeniedException",
    "AllAccessDisabled",
    "UnauthorizedOperation",
    "Forbidden",
    "403",
}
_MISSING = {
    *("NoSuchBucket", "NoSuchKey", "EntityNotFoundException", "ResourceNotFoundException", "404"),
}


def aws_failure(error: Exception, doing: str) -> AthenaFlowError:
    """The error to raise for what botocore raised while ``doing``.

    ``doing`` says what and where: ``listing s3://logs/``.
    """
    response = getattr(error, "response", None) or {}
    code = str(response.get("Error", {}).get("Code", "")) or type(error).__name__
    said = response.get("Error", {}).get("Message") or str(error)
    message = f"{doing}: {code}: {' '.join(str(said).split())}"
    if code in _NO_CREDENTIALS:
        return NoCredentials(
            f"{doing}: no AWS credentials ({' '.join(str(error).split())})",
            hint="set AWS_PROFILE or --profile, or run aws configure",
        )
    if code in _EXPIRED:
        return NoCredentials(message, hint=_LOGIN)
    if code in _DENIED:
        return AccessDenied(message, hint=IAM)
    if code in _MISSING:
        return NotFound(message)
    if code == "NoRegionError":
        return BadSetting(f"{doing}: no AWS region", hint="set --aws-region or AWS_REGION")
    if not response:
        return AccessError(message)
    return EngineError(message)
