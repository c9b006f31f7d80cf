//! Deliveries of other products, read as Passerelle's own events.
//!
//! Each format becomes the JSON of our own events first, and that is then checked like any other delivery: one way to name
//! faults, one set of limits.

mod extract;
mod mautic;

use serde_json::{Map, Value};

use super::{
    config::Format,
    event::{Event, EventFault, content_hash, parse_json, read_events},
};

/// Reads the deliveries of one source. Compiled once for all events of a delivery.
#[derive(Debug, Clone)]
pub enum Reader {
    /// Our own events.
    Passerelle,
    /// Mautic's webhooks.
    Mautic,
    /// Any other JSON.
    Extract(Box<extract::Extractor>),
}

impl Reader {
    /// Compiles a format. Faults are the place within the format and what is wrong there.
    pub fn compile(format: &Format) -> Result<Self, Vec<(String, String)>> {
        Ok(match format {
            Format::Passerelle => Self::Passerelle,
            Format::Mautic => Self::Mautic,
            Format::Extract(extraction) => Self::Extract(Box::new(extract::Extractor::compile(extraction)?)),
        })
    }

    /// Reads a delivery. All faults are listed, not only the first; their places are those of our own events.
    pub fn read(&self, body: &[u8]) -> Result<Vec<Event>, Vec<EventFault>> {
        let body = parse_json(body)?;
        let events = match self {
            Self::Passerelle => return read_events(body),
            Self::Mautic => mautic::events(&body)?,
            Self::Extract(extractor) => extractor.events(&body)?,
        };
        if events.is_empty() {
            // Other products also tell of what is no event of a person. They are not to hear that this is wrong.
            return Ok(Vec::new());
        }
        read_events(Value::Object(Map::from_iter([("events".to_owned(), Value::Array(events))])))
    }
}

/// An id for what has none: equal content gets the same.
fn id_of(content: &Value) -> Value {
    Value::from(format!("sha256-{}", content_hash(content)))
}

#[cfg(test)]
mod tests;
