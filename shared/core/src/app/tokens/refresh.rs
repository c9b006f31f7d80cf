//! One refresh at a time: the holder of the lease asks for new tokens, everybody else waits and picks them up.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret;

use super::{
    Ask, Credentials, First, Origin, Session, SessionCache, TokenError,
    cache::Held,
    keeper::{Keeper, LEASE_TRIES, LEASE_WAIT, TakenUp, Tokens, read_version},
    load,
};
use crate::{
    adapters::{
        salesforce::{
            Class, SalesforceError,
            oauth::{App, OAuthError},
        },
        state::tokens::{Leased, Settled},
    },
    domain::{config::Document, ids::ConnectionId},
    planted::{self, Bug},
    ports::Ports,
};

/// How often a younger access token alone is worth a new version of the secret: Secrets Manager keeps a limited number.
const STORE_EVERY: SignedDuration = SignedDuration::from_mins(10);

/// Causes that say that the refresh token itself is dead. What else is refused may be mended, or concerns the place of whoever asks, so the next
/// one asks again.
const DEAD: [&str; 3] = ["invalid_grant", "token_expired", "rotation_lost"];

/// How often one call takes another session. One that somebody else has asked for may have run out by the time it is picked up, and costs nothing.
const TAKEN: u32 = 20;

/// The sessions of one call.
#[derive(Debug, Default)]
pub struct Renewals(u32);

impl Renewals {
    /// Whether a call that was refused with this session is sent again with another one. A refused session refuses before anything is done, so
    /// every call may be. One that is refused just after Salesforce gave it to us is refused for another cause than its age, so each call asks
    /// once.
    pub fn again(&mut self, refused: &SalesforceError, session: &Session<'_>) -> bool {
        self.go_on(refused.class(), session.origin)
    }

    fn go_on(&mut self, refused: Class, origin: Origin) -> bool {
        let is_first = self.0 == 0;
        self.0 += 1;
        // The one that the call began with may be of any age, wherever it came from.
        refused == Class::Reauthorise && (is_first || origin == Origin::Kept) && self.0 <= TAKEN
    }
}

/// Another session after Salesforce refused the one that was `seen`: somebody else's younger token, or a new one.
///
/// Guarantee: of all processes at most one at a time asks Salesforce, and none asks again with a token that is dead. Where the org rotates refresh tokens, the new one is
/// stored before the new access token is used.
///
/// # Errors
/// [`TokenError::Broken`] where the grant is refused: nobody needs to try again before somebody connects anew.
pub async fn refresh<'a>(
    ports: Ports<'a>,
    cache: &SessionCache,
    document: &Document,
    connection: &ConnectionId,
    seen: &Session<'_>,
) -> Result<Session<'a>, TokenError> {
    let meter = seen.org.meter();
    let seen = Held { generation: seen.generation, credentials: Arc::clone(&seen.credentials) };
    let owner = ports.ids.fresh();
    for _ in 0..LEASE_TRIES {
        if let Some(newer) = cache.newer(connection, &seen) {
            return Session::open(ports, document, &newer, meter);
        }
        match ports.table.lease_token(connection, seen.generation, &owner, ports.clock.now()).await? {
            Leased::Moved(_) => return load(ports, cache, document, connection, meter).await,
            Leased::Taken => ports.clock.sleep(LEASE_WAIT).await,
            Leased::Ours(pointer) => {
                let keeper = Keeper { ports, connection, owner, pointer };
                let renewed = match renew(&keeper, document, cache).await {
                    Err(_) if planted::is(Bug::FailedRefreshIsFresh) => Some(seen),
                    renewed => renewed?,
                };
                return match renewed {
                    Some(held) => Ok(Session { origin: Origin::Asked, ..Session::open(ports, document, &held, meter)? }),
                    None => load(ports, cache, document, connection, meter).await,
                };
            }
        }
    }
    Err(TokenError::Busy)
}

/// The holder's work. `None` = somebody else has stored a newer version meanwhile. The lease is over afterwards.
async fn renew(keeper: &Keeper<'_>, document: &Document, cache: &SessionCache) -> Result<Option<Held>, TokenError> {
    let mut doubt = keeper.pointer.doubts();
    match renew_held(keeper, document, &mut doubt).await {
        Ok(Renewed::Stored(held)) => {
            cache.keep(keeper.connection, held.clone());
            Ok(Some(held))
        }
        Ok(Renewed::Kept(held)) => {
            cache.keep(keeper.connection, held.clone());
            keeper.release(Settled::Yes).await;
            Ok(Some(held))
        }
        Ok(Renewed::Overtaken) => Ok(None),
        Err(error) => {
            let settled = match &error {
                // Where nothing rotates there is no token that could be dead, and whoever comes next may be accepted.
                TokenError::Broken { cause } if document.salesforce.auth.refreshes() && DEAD.contains(&cause.as_str()) => Settled::Refused(cause),
                _ if doubt => Settled::InDoubt,
                _ => Settled::Yes,
            };
            keeper.release(settled).await;
            // Whoever overtook us may have spent the refresh token that was refused to us.
            let pointer = keeper.ports.table.load_token(keeper.connection).await;
            let overtaken = pointer.is_ok_and(|pointer| pointer.generation != keeper.pointer.generation);
            if overtaken { Ok(None) } else { Err(error) }
        }
    }
}

enum Renewed {
    /// Stored as a new generation; the lease ended with that.
    Stored(Held),
    /// Good for this process only; the lease is still held.
    Kept(Held),
    /// Somebody else moved the pointer.
    Overtaken,
}

/// `doubt` says on return whether tokens may have been made and lost.
async fn renew_held(keeper: &Keeper<'_>, document: &Document, doubt: &mut bool) -> Result<Renewed, TokenError> {
    let (ports, c) = (keeper.ports, keeper.connection);
    if let TakenUp::Counts { generation, credentials, tokens } = keeper.take_up().await? {
        // A consumer secret or a key that somebody has stored: the tokens are still the refused ones, and whoever takes them up asks for others.
        return Ok(if tokens == Tokens::AsBefore { Renewed::Overtaken } else { stored(generation, *credentials) });
    }
    // Only now: what was refused are the tokens that counted until something was taken up.
    if let Some(cause) = keeper.pointer.refused.clone() {
        *doubt = false;
        return Err(TokenError::Broken { cause });
    }
    let version = keeper.pointer.version.as_deref().ok_or(TokenError::NotConnected)?;
    let former = read_version(ports, c, version).await?;
    let ask = Ask::of(&document.salesforce.auth, &former, First::Accepted)?;
    // Where nothing rotates, an answer that got lost has taken nothing away.
    let may_rotate = document.salesforce.auth.refreshes();
    *doubt &= may_rotate;
    let app = App::of(&document.salesforce, &ports.settings.allowed_hosts).map_err(|error| judge(error, *doubt))?;
    let next = keeper.announce().await?;
    let asked = match ask.send(ports, &app, &former).await {
        Ok(asked) => asked,
        Err(error) => {
            let verdict = judge_error(&error, *doubt);
            *doubt = verdict.in_doubt && may_rotate;
            tracing::warn!(connection.id = %c, code = error.cause(), class = ?error.class(), "refresh refused");
            return Err(judge(error, verdict.was_in_doubt));
        }
    };
    if former.organization_id.as_deref().is_some_and(|pinned| pinned != asked.grant.organization_id.as_str()) {
        *doubt = false;
        return Err(TokenError::Broken { cause: "organization_changed".to_owned() });
    }
    // Until they are stored, the new tokens can be lost.
    *doubt = may_rotate;
    let credentials = asked.kept_in(&former);
    if planted::is(Bug::TellSecret) {
        tracing::info!(token = credentials.access_token.as_ref().map(ExposeSecret::expose_secret), "refreshed");
    }
    let lasting = former.differs_lastingly(&credentials);
    let storing = match must_store(lasting, keeper.pointer.stored_at_ms, ports.clock.now()) && !planted::is(Bug::UseBeforeStore) {
        true => keeper.store(&next, &credentials, Tokens::New).await.map(Some),
        false => Ok(None),
    };
    let generation = match storing {
        Ok(Some(generation)) => generation,
        Err(error) if lasting => return Err(error),
        // The refresh token that is stored is still good, so this access token may be used without being stored.
        Ok(None) | Err(_) => {
            *doubt = false;
            return Ok(Renewed::Kept(Held { generation: keeper.pointer.generation, credentials: Arc::new(credentials) }));
        }
    };
    tracing::info!(connection.id = %c, generation, "access token refreshed");
    Ok(stored(generation, credentials))
}

fn stored(generation: Option<u64>, credentials: Credentials) -> Renewed {
    match generation {
        Some(generation) => Renewed::Stored(Held { generation, credentials: Arc::new(credentials) }),
        None => Renewed::Overtaken,
    }
}

/// Whether new tokens are worth a version: always where more than the access token changed, else every ten minutes.
fn must_store(lasting: bool, stored_at_ms: i64, now: Timestamp) -> bool {
    let age = SignedDuration::from_millis(now.as_millisecond().saturating_sub(stored_at_ms));
    lasting || age >= STORE_EVERY
}

/// What a failed refresh says about the refresh token.
#[derive(Debug, PartialEq, Eq)]
struct Verdict {
    /// Whether an earlier refresh was in doubt already.
    was_in_doubt: bool,
    /// Whether it may have been rotated and the new one lost, after this.
    in_doubt: bool,
}

fn judge_error(error: &OAuthError, was_in_doubt: bool) -> Verdict {
    // A refusal settles it: the token is dead, or the app is not accepted, and somebody has to connect again. What came with tokens that we do
    // not take settles nothing: they are lost, and the former one may be dead.
    let settled = error.class() == Class::Reauthorise;
    Verdict { was_in_doubt, in_doubt: error.in_doubt() || !settled && was_in_doubt }
}

/// The error to hand on. A dead token after a doubtful refresh was most likely rotated, and its successor lost.
fn judge(error: OAuthError, was_in_doubt: bool) -> TokenError {
    match (error.class(), error.cause()) {
        (Class::Reauthorise, "invalid_grant" | "token_expired") if was_in_doubt => TokenError::Broken { cause: "rotation_lost".to_owned() },
        (Class::Reauthorise, cause) => TokenError::Broken { cause: cause.to_owned() },
        _ => TokenError::SignIn(error),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::credentials::tests::grant;
    use super::*;
    use crate::ports::{Cause, TransportError};

    #[test]
    fn a_call_asks_for_one_session_and_picks_up_more() {
        // Sessions that are refused, until the call is given up.
        let tries = |origin| {
            let mut renewals = Renewals::default();
            assert!(renewals.go_on(Class::Reauthorise, origin), "the one that it began with");
            (1..).find(|_| !renewals.go_on(Class::Reauthorise, origin))
        };
        assert_eq!((tries(Origin::Asked), tries(Origin::Kept)), (Some(1), Some(20)));
        assert!(!Renewals::default().go_on(Class::Park, Origin::Kept), "for another cause no session is renewed");
    }

    #[test]
    fn only_lasting_differences_are_stored_at_once() {
        let former = Credentials::new("s".into()).with(&grant("A1", Some("R1")));
        let stored = Timestamp::from_second(1_000_000).unwrap();
        let minutes = |m: i64| stored + SignedDuration::from_mins(m);
        for (name, next, now, want) in [
            ("access token alone, soon", grant("A2", None), minutes(1), false),
            ("access token alone, after ten minutes", grant("A2", None), minutes(10), true),
            ("rotated, soon", grant("A2", Some("R2")), minutes(1), true),
            ("clock behind the store", grant("A2", None), minutes(-5), false),
        ] {
            let lasting = former.differs_lastingly(&former.with(&next));
            assert_eq!(must_store(lasting, stored.as_millisecond(), now), want, "{name}");
        }
    }

    fn refused(code: &str) -> OAuthError {
        OAuthError::Refused { status: 400, code: code.to_owned(), description: String::new() }
    }

    fn told(description: &str) -> OAuthError {
        OAuthError::Refused { status: 400, code: "invalid_grant".to_owned(), description: description.to_owned() }
    }

    #[test]
    fn failures_break_the_connection_or_pass() {
        let silent = || OAuthError::Unanswered(TransportError::MaybeSent { host: "h".into(), source: Cause::from("x") });
        let unsent = || OAuthError::Unanswered(TransportError::NotSent { host: "h".into(), source: Cause::from("x") });
        // (name, error, doubt before, doubt after, broken for which cause)
        for (name, error, before, after, broken) in [
            ("revoked", refused("invalid_grant"), false, false, Some("invalid_grant")),
            ("rotated and lost", refused("invalid_grant"), true, false, Some("rotation_lost")),
            ("expired", told("expired access/refresh token"), false, false, Some("token_expired")),
            ("expired and lost", told("expired access/refresh token"), true, false, Some("rotation_lost")),
            ("from elsewhere", told("ip restricted"), true, false, Some("ip_restricted")),
            ("app gone", refused("invalid_client_id"), true, false, Some("invalid_client_id")),
            ("throttled", refused("rate_limit_exceeded"), false, false, None),
            ("throttled in doubt", refused("rate_limit_exceeded"), true, true, None),
            ("silence", silent(), false, true, None),
            ("not sent", unsent(), false, false, None),
            ("not sent in doubt", unsent(), true, true, None),
            ("forged", OAuthError::Signature, false, true, Some("signature_wrong")),
        ] {
            assert_eq!(judge_error(&error, before), Verdict { was_in_doubt: before, in_doubt: after }, "{name}");
            let error = judge(error, before);
            assert_eq!(error.class() == Class::Reauthorise, broken.is_some(), "{name}");
            if let Some(cause) = broken {
                assert_eq!(error.code(), cause, "{name}");
            }
        }
    }
}
