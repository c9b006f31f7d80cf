//! The end of the certificate that a connection signs in with, as the pointer tells it: whoever asks reads no secret.

use jiff::Timestamp;

use crate::{
    adapters::state::StateError,
    domain::config::{Auth, Document},
    ports::Ports,
};

/// Until when the certificate is valid that this connection signs in with; `None` where it signs in otherwise, or no certificate is known.
pub async fn certificate_until(ports: Ports<'_>, document: &Document) -> Result<Option<Timestamp>, StateError> {
    if !matches!(document.salesforce.auth, Auth::JwtBearer(_)) {
        return Ok(None);
    }
    let pointer = ports.table.load_token(&document.connection.id).await?;
    Ok(pointer.certificate_until_ms.and_then(|at| Timestamp::from_millisecond(at).ok()))
}
