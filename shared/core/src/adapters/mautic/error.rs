//! Why Mautic did not do what it was asked.

use http::StatusCode;
use serde_json::Value;
use thiserror::Error;

use crate::ports::TransportError;

/// A call that failed.
#[derive(Debug, Error)]
pub enum MauticError {
    /// No answer came, or the address may not be called.
    #[error("Mautic gave no answer")]
    Silent(#[from] TransportError),
    /// It does not know the client or the user, or the secret is wrong.
    #[error("Mautic refuses the credentials")]
    Credentials,
    /// Its API is switched off.
    #[error("Mautic's API is switched off")]
    Disabled,
    /// The user of the credentials may not do that.
    #[error("Mautic does not permit it")]
    Forbidden,
    /// There is no such thing.
    #[error("Mautic has no such thing")]
    NotFound,
    /// It has no time now: too many calls, or a failure of its own.
    #[error("Mautic is busy or out of order")]
    Busy,
    /// It refuses the request itself.
    #[error("Mautic refused with {status}")]
    Refused {
        /// The status.
        status: u16,
    },
    /// Its answer is not what the API answers.
    #[error("Mautic's answer cannot be read")]
    Unreadable,
}

impl MauticError {
    /// A stable name.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Silent(_) => "platform_silent",
            Self::Credentials => "platform_credentials",
            Self::Disabled => "platform_api_disabled",
            Self::Forbidden => "platform_forbidden",
            Self::NotFound => "platform_not_found",
            Self::Busy => "platform_busy",
            Self::Refused { .. } => "platform_refused",
            Self::Unreadable => "platform_unreadable",
        }
    }

    /// What the status of an item of a batch means, where it is no success.
    #[must_use]
    pub fn of_item(status: u16) -> Self {
        StatusCode::from_u16(status).map_or(Self::Unreadable, |status| Self::refused(status, Some(&Value::Null)))
    }

    /// What an answer that is no success means. Source: `ApiBundle/EventListener/ApiSubscriber.php`.
    pub(super) fn refused(status: StatusCode, body: Option<&Value>) -> Self {
        let kind = body.and_then(|body| body.pointer("/errors/0/type")).and_then(Value::as_str).unwrap_or_default();
        match (status.as_u16(), kind) {
            (_, "api_disabled") => Self::Disabled,
            (401, _) | (400, "invalid_client" | "invalid_grant" | "unauthorized_client") => Self::Credentials,
            (403, _) => Self::Forbidden,
            // One that is not the API's own says that this is no Mautic.
            (404, _) if body.is_some() => Self::NotFound,
            (408 | 429 | 500.., _) => Self::Busy,
            (status, _) => Self::Refused { status },
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn statuses_and_types_tell_what_is_wrong() {
        for (status, kind, code) in [
            (StatusCode::UNAUTHORIZED, "invalid_grant", "platform_credentials"),
            (StatusCode::BAD_REQUEST, "invalid_client", "platform_credentials"),
            (StatusCode::FORBIDDEN, "api_disabled", "platform_api_disabled"),
            (StatusCode::FORBIDDEN, "access_denied", "platform_forbidden"),
            (StatusCode::NOT_FOUND, "", "platform_not_found"),
            (StatusCode::TOO_MANY_REQUESTS, "", "platform_busy"),
            (StatusCode::BAD_GATEWAY, "", "platform_busy"),
            (StatusCode::UNPROCESSABLE_ENTITY, "", "platform_refused"),
        ] {
            assert_eq!(MauticError::refused(status, Some(&json!({"errors": [{"type": kind}]}))).code(), code, "{status} {kind}");
        }
        assert_eq!(MauticError::refused(StatusCode::BAD_GATEWAY, None).code(), "platform_busy");
        assert_eq!(MauticError::refused(StatusCode::NOT_FOUND, None).code(), "platform_refused");
    }
}
