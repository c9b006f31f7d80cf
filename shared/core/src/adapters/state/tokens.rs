//! The token pointer: which version of the Salesforce secret counts, and who may write the next one.
//!
//! Refuses to know what a secret holds. Tokens are never in the table.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Expression, Key, StateError, Table};
use crate::domain::ids::ConnectionId;

/// How long the lease holds unless it is extended: a token request and the first tries to store its answer.
pub const TOKEN_LEASE: SignedDuration = SignedDuration::from_secs(45);

/// The pointer of one connection.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenItem {
    /// Raised with every stored version; 0 = none was stored yet.
    #[serde(default)]
    pub generation: u64,
    /// The version of the secret that counts.
    #[serde(default)]
    pub version: Option<String>,
    /// When it was stored, in milliseconds since 1970.
    #[serde(default)]
    pub stored_at_ms: i64,
    /// When tokens were asked for last, as far as the answer was stored, likewise; absent = when the version was stored, as it was written
    /// before this was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used_at_ms: Option<i64>,
    /// Until when the certificate is valid whose key signs, likewise; absent = nothing is known of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate_until_ms: Option<i64>,
    /// Who holds the lease; absent = nobody.
    #[serde(default)]
    pub lease_owner: Option<String>,
    /// When the lease ends by itself, in milliseconds since 1970.
    #[serde(default)]
    pub lease_until_ms: i64,
    /// The version that a holder was about to store when it asked for new tokens. Left behind, it tells that a rotation may
    /// have been lost, and where to look for it.
    #[serde(default)]
    pub pending: Option<String>,
    /// That the refresh token is dead, and by which cause: nobody asks with it again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// That a rotation may have been lost before the version was stored that counts: it brought no tokens of its own, so those in it are the former ones.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub in_doubt: bool,
}

impl TokenItem {
    /// When tokens were asked for last, in milliseconds since 1970.
    #[must_use]
    pub fn last_used_ms(&self) -> i64 {
        self.used_at_ms.unwrap_or(self.stored_at_ms)
    }

    /// Whether the refresh token may have been rotated, and its successor lost.
    #[must_use]
    pub const fn doubts(&self) -> bool {
        self.in_doubt || self.pending.is_some()
    }
}

/// A version of the secret that is stored and is to count.
#[derive(Debug, Clone, Copy)]
pub struct NewVersion<'a> {
    /// Its id.
    pub version: &'a str,
    /// When the tokens in it were asked for, in milliseconds since 1970.
    pub used_at_ms: i64,
    /// Whether these tokens are new: what was known of the former ones counts no more.
    pub renews: bool,
    /// Until when the certificate is valid whose key signs, where there is one.
    pub certificate_until_ms: Option<i64>,
}

/// What asking for the lease gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leased {
    /// It is ours; the pointer as it stands.
    Ours(TokenItem),
    /// The generation has moved on: there is a newer version to use.
    Moved(TokenItem),
    /// Somebody else holds it.
    Taken,
}

impl Leased {
    /// What a refused request for the lease means, from the pointer that stood in its way.
    #[must_use]
    pub fn refused(standing: Option<TokenItem>, seen: u64) -> Self {
        match standing {
            Some(item) if item.generation != seen => Self::Moved(item),
            _ => Self::Taken,
        }
    }
}

impl Table {
    /// The pointer; one of generation 0 where nothing was stored yet.
    pub async fn load_token(&self, c: &ConnectionId) -> Result<TokenItem, StateError> {
        Ok(self.get(&Key::token(c)).await?.unwrap_or_default())
    }

    /// Takes the lease, if nobody holds it and the generation is still `seen`.
    pub async fn lease_token(&self, c: &ConnectionId, seen: u64, owner: &str, now: Timestamp) -> Result<Leased, StateError> {
        let free = "(attribute_not_exists(lease_owner) OR lease_until_ms < :now OR lease_owner = :o)";
        let same = if seen == 0 { "(attribute_not_exists(generation) OR generation = :g)" } else { "generation = :g" };
        let change = Expression::update("SET lease_owner = :o, lease_until_ms = :u").only_if(&format!("{free} AND {same}"));
        let change = change.text(":o", owner).number(":u", until(now)).number(":now", now.as_millisecond()).number(":g", seen);
        match self.update::<TokenItem>(&Key::token(c), change).await {
            Ok(item) => Ok(Leased::Ours(item)),
            Err(StateError::Conflict { standing }) => {
                let standing = standing.map(|item| super::parse(&Key::token(c), item)).transpose()?;
                Ok(Leased::refused(standing, seen))
            }
            Err(other) => Err(other),
        }
    }

    /// Extends the lease, and notes the version that is about to be stored. `false` = the lease is not ours any more.
    pub async fn announce_token(&self, c: &ConnectionId, owner: &str, version: &str, now: Timestamp) -> Result<bool, StateError> {
        let change = Expression::update("SET lease_until_ms = :u, pending = :p").only_if("lease_owner = :o");
        let change = change.text(":o", owner).text(":p", version).number(":u", until(now));
        self.held(c, change).await
    }

    /// Notes that a rotation may have been lost, before another version than the announced one is announced. `false` = the lease is not ours any more.
    pub async fn doubt_token(&self, c: &ConnectionId, owner: &str) -> Result<bool, StateError> {
        let change = Expression::update("SET in_doubt = :d").only_if("lease_owner = :o").text(":o", owner).value(":d", &true)?;
        self.held(c, change).await
    }

    /// Points to a stored version, if the generation is still `seen`, and ends the lease. `false` = somebody else was quicker.
    /// Repeating it finds its own work and succeeds.
    pub async fn commit_token(&self, c: &ConnectionId, seen: u64, new: NewVersion<'_>, now: Timestamp) -> Result<bool, StateError> {
        let same = if seen == 0 { "attribute_not_exists(generation) OR generation = :g" } else { "generation = :g" };
        let set = "SET generation = :n, version = :v, stored_at_ms = :at, used_at_ms = :used";
        let remove =
            if new.renews { "REMOVE lease_owner, lease_until_ms, pending, refused, in_doubt" } else { "REMOVE lease_owner, lease_until_ms, pending" };
        let change = match new.certificate_until_ms {
            Some(until) => Expression::update(&format!("{set}, certificate_until_ms = :until {remove}")).number(":until", until),
            None => Expression::update(&format!("{set} {remove}, certificate_until_ms")),
        };
        let change = change.only_if(same).number(":g", seen).number(":n", seen + 1).text(":v", new.version);
        let change = change.number(":at", now.as_millisecond()).number(":used", new.used_at_ms);
        match self.update::<TokenItem>(&Key::token(c), change).await {
            Ok(_) => Ok(true),
            Err(StateError::Conflict { .. }) => Ok(self.load_token(c).await?.version.as_deref() == Some(new.version)),
            Err(other) => Err(other),
        }
    }

    /// Points to nothing from now on, if the generation is still `seen`, and ends the lease: whoever holds older tokens sees that they count
    /// no more. `false` = somebody else was quicker.
    pub async fn forget_token(&self, c: &ConnectionId, owner: &str, seen: u64) -> Result<bool, StateError> {
        let change = Expression::update(
            "SET generation = :n, stored_at_ms = :zero REMOVE version, used_at_ms, certificate_until_ms, lease_owner, lease_until_ms, pending, refused, in_doubt",
        );
        let change = change.only_if("lease_owner = :o").text(":o", owner).number(":n", seen + 1).number(":zero", 0);
        self.held(c, change).await
    }

    /// Ends the lease without a new version. `settled` also forgets the announced version, because it is certain that no
    /// tokens were made for it. Somebody else's lease is left alone.
    pub async fn release_token(&self, c: &ConnectionId, owner: &str, settled: Settled<'_>) -> Result<(), StateError> {
        let change = match settled {
            Settled::Yes => Expression::update("REMOVE lease_owner, lease_until_ms, pending, in_doubt"),
            Settled::Refused(cause) => Expression::update("SET refused = :r REMOVE lease_owner, lease_until_ms, pending, in_doubt").text(":r", cause),
            Settled::InDoubt => Expression::update("REMOVE lease_owner, lease_until_ms"),
        };
        self.held(c, change.only_if("lease_owner = :o").text(":o", owner)).await?;
        Ok(())
    }

    async fn held(&self, c: &ConnectionId, change: Expression) -> Result<bool, StateError> {
        match self.update::<TokenItem>(&Key::token(c), change).await {
            Ok(_) => Ok(true),
            Err(StateError::Conflict { .. }) => Ok(false),
            Err(other) => Err(other),
        }
    }
}

/// Whether the outcome of a token request is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled<'a> {
    /// No tokens were made that we do not have.
    Yes,
    /// Nor will any be made, for this cause.
    Refused(&'a str),
    /// Tokens may have been made and lost.
    InDoubt,
}

fn until(now: Timestamp) -> i64 {
    now.saturating_add(TOKEN_LEASE).unwrap_or(now).as_millisecond()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_lease_tells_moved_from_taken() {
        let item = |generation| TokenItem { generation, lease_owner: Some("other".to_owned()), ..TokenItem::default() };
        assert_eq!(Leased::refused(Some(item(7)), 7), Leased::Taken);
        assert_eq!(Leased::refused(Some(item(8)), 7), Leased::Moved(item(8)));
        assert_eq!(Leased::refused(None, 7), Leased::Taken);
    }
}
