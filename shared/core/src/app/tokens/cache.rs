//! Tokens kept in the process, so that a warm function reads no secret and a younger access token need not be stored at once.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use super::Credentials;
use crate::domain::ids::ConnectionId;

/// Credentials and the generation that they belong to.
#[derive(Debug, Clone)]
pub(super) struct Held {
    pub generation: u64,
    pub credentials: Arc<Credentials>,
}

/// What a process knows of its connections' tokens. Nothing in it is needed: all of it can be read or asked for again.
#[derive(Default)]
pub struct SessionCache(Mutex<HashMap<ConnectionId, Held>>);

impl fmt::Debug for SessionCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionCache")
    }
}

impl SessionCache {
    fn with<T>(&self, work: impl FnOnce(&mut HashMap<ConnectionId, Held>) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What is kept of exactly that generation.
    pub(super) fn of_generation(&self, c: &ConnectionId, generation: u64) -> Option<Held> {
        self.with(|map| map.get(c).filter(|held| held.generation == generation).cloned())
    }

    /// What is kept and younger than the credentials that were `seen` to fail.
    pub(super) fn newer(&self, c: &ConnectionId, seen: &Held) -> Option<Held> {
        let newer = |held: &&Held| match held.generation.cmp(&seen.generation) {
            std::cmp::Ordering::Greater => true,
            std::cmp::Ordering::Equal => !held.credentials.same_access(&seen.credentials),
            std::cmp::Ordering::Less => false,
        };
        self.with(|map| map.get(c).filter(newer).cloned())
    }

    /// Keeps what was read from the store, unless something at least as young is kept already; answers what is kept.
    pub(super) fn keep_older(&self, c: &ConnectionId, read: Held) -> Held {
        self.with(|map| {
            let kept = map.entry(c.clone()).or_insert_with(|| read.clone());
            if kept.generation < read.generation {
                *kept = read;
            }
            kept.clone()
        })
    }

    /// Keeps what was just granted, unless a later generation is kept.
    pub(super) fn keep(&self, c: &ConnectionId, granted: Held) {
        self.with(|map| {
            if map.get(c).is_none_or(|kept| kept.generation <= granted.generation) {
                map.insert(c.clone(), granted);
            }
        });
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use secrecy::ExposeSecret;

    use super::super::credentials::tests::grant;
    use super::*;

    fn held(generation: u64, access: &str) -> Held {
        Held { generation, credentials: Arc::new(Credentials::new("s".into()).with(&grant(access, None))) }
    }

    fn access(held: Option<Held>) -> Option<String> {
        held.map(|h| h.credentials.access_token.as_ref().unwrap().expose_secret().to_owned())
    }

    #[test]
    fn the_youngest_token_stays() {
        let (cache, c) = (SessionCache::default(), ConnectionId::parse("kayo").unwrap());
        assert_eq!(access(Some(cache.keep_older(&c, held(3, "A")))).as_deref(), Some("A"));
        cache.keep(&c, held(3, "B"));
        // Someone who read generation 3 before "B" was granted must not bring "A" back.
        assert_eq!(access(Some(cache.keep_older(&c, held(3, "A")))).as_deref(), Some("B"));
        assert_eq!(access(cache.of_generation(&c, 3)).as_deref(), Some("B"));
        assert_eq!(access(cache.newer(&c, &held(3, "A"))).as_deref(), Some("B"));
        assert_eq!(access(cache.newer(&c, &held(3, "B"))), None);
        assert_eq!(access(cache.newer(&c, &held(4, "A"))), None);
        cache.keep_older(&c, held(4, "C"));
        assert_eq!(access(cache.newer(&c, &held(3, "B"))).as_deref(), Some("C"));
        assert_eq!(access(cache.of_generation(&c, 3)), None);
        cache.keep(&c, held(3, "D"));
        assert_eq!(access(cache.of_generation(&c, 4)).as_deref(), Some("C"));
    }
}
