//! How the bodies of sources are read, compiled once in a process and not for every delivery.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use crate::domain::{config::Format, hook::Reader, ids::SourceId};

/// Most sources of which a process keeps the readers; beyond that it begins anew.
const MOST: usize = 1_000;

/// What a process keeps between deliveries. Nothing in it is needed: all of it can be made again.
#[derive(Debug, Default)]
pub struct Readers(Mutex<BTreeMap<SourceId, (Format, Arc<Reader>)>>);

impl Readers {
    /// The reader of a source whose bodies have this format.
    ///
    /// # Errors
    /// The number of faults of a format that cannot be used; documents are checked when they are applied.
    pub(super) fn of(&self, source: &SourceId, format: &Format) -> Result<Arc<Reader>, usize> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, reader)) = known.get(source).filter(|(own, _)| own == format) {
            return Ok(Arc::clone(reader));
        }
        let reader = Arc::new(Reader::compile(format).map_err(|faults| faults.len())?);
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(source.clone(), (format.clone(), Arc::clone(&reader)));
        Ok(reader)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_format_is_compiled_once_and_anew_when_it_changes() {
        let (readers, source) = (Readers::default(), SourceId::parse("s").unwrap());
        let first = readers.of(&source, &Format::default()).unwrap();
        assert!(Arc::ptr_eq(&first, &readers.of(&source, &Format::default()).unwrap()));
        assert!(!Arc::ptr_eq(&first, &readers.of(&source, &Format::Mautic).unwrap()));
        assert!(!Arc::ptr_eq(&first, &readers.of(&SourceId::parse("t").unwrap(), &Format::default()).unwrap()));
    }
}
