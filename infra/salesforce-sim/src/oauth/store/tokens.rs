//! Issuing, refreshing and ending tokens.

use jiff::{SignedDuration, Timestamp};

use super::{Access, Dead, Family, Issued, MAX_FAMILIES, SESSION_SECONDS, Store};
use crate::id::Id;
use crate::seed::AppSeed;

impl Store {
    /// Issues an access token, and the first refresh token of a new family where the scopes ask for one.
    pub fn issue(&mut self, app: &AppSeed, user: Id, scopes: &[String], with_refresh: bool, now: Timestamp) -> Issued {
        if !(with_refresh && scopes.iter().any(|scope| scope == "refresh_token")) {
            return Issued { access: self.issue_access(app, user, scopes, None, now), refresh: None };
        }
        self.retire_oldest(user, &app.client_id);
        let number = self.families.last_key_value().map_or(1, |(number, _)| number + 1);
        let refresh = self.new_refresh(number);
        let family = Family {
            user,
            client_id: app.client_id.clone(),
            scopes: scopes.to_vec(),
            current: refresh.clone(),
            used: now,
            idle_seconds: app.refresh_idle_seconds,
            dead: false,
        };
        self.families.insert(number, family);
        Issued { access: self.issue_access(app, user, scopes, Some(number), now), refresh: Some(refresh) }
    }

    fn new_refresh(&mut self, family: u64) -> String {
        let token = format!("5Aep861{}", self.random(76));
        self.refresh.insert(token.clone(), family);
        token
    }

    fn retire_oldest(&mut self, user: Id, client_id: &str) {
        let live: Vec<u64> = self
            .families
            .iter()
            .filter(|(_, family)| !family.dead && family.user == user && family.client_id == client_id)
            .map(|(number, _)| *number)
            .collect();
        let surplus = (live.len() + 1).saturating_sub(MAX_FAMILIES);
        for number in live.into_iter().take(surplus) {
            self.kill_family(number);
        }
    }

    fn issue_access(&mut self, app: &AppSeed, user: Id, scopes: &[String], family: Option<u64>, now: Timestamp) -> String {
        let (head, tail) = (self.random(40), self.random(52));
        let token = format!("{}!AQ{head}.{tail}", self.organization);
        let seconds = app.access_token_seconds.unwrap_or(SESSION_SECONDS);
        self.access.retain(|_, access| access.expires > now);
        self.access.insert(
            token.clone(),
            Access { user, client_id: app.client_id.clone(), scopes: scopes.to_vec(), issued: now, expires: after(now, seconds), family, seconds },
        );
        token
    }

    /// Uses a refresh token of this app. With rotation the answer has its successor and the token dies; a
    /// dead member of a live family kills the family where `family_revocation` says so.
    ///
    /// # Errors
    /// When the token is unknown, another app's, revoked, rotated away or idle too long.
    pub fn refresh(&mut self, token: &str, app: &AppSeed, family_revocation: bool, now: Timestamp) -> Result<(Family, Issued), Dead> {
        const EXPIRED: Dead = Dead("expired access/refresh token");
        let number = *self.refresh.get(token).ok_or(EXPIRED)?;
        let family = self.families.get(&number).filter(|family| family.client_id == app.client_id).ok_or(EXPIRED)?;
        let idle = family.idle_seconds.is_some_and(|seconds| after(family.used, seconds) <= now);
        if family.dead || idle || family.current != token {
            if idle || family_revocation {
                self.kill_family(number);
            }
            return Err(EXPIRED);
        }
        let (user, scopes) = (family.user, family.scopes.clone());
        let refresh = app.rotation.then(|| self.new_refresh(number));
        if let Some(family) = self.families.get_mut(&number) {
            family.used = now;
            if let Some(successor) = &refresh {
                family.current.clone_from(successor);
            }
        }
        let access = self.issue_access(app, user, &scopes, Some(number), now);
        let family = self.families.get(&number).cloned().ok_or(EXPIRED)?;
        Ok((family, Issued { access, refresh }))
    }

    /// The user behind a refresh token, alive or not.
    pub fn refresh_owner(&self, token: &str) -> Option<Id> {
        let number = self.refresh.get(token)?;
        self.families.get(number).map(|family| family.user)
    }

    fn kill_family(&mut self, number: u64) {
        if let Some(family) = self.families.get_mut(&number) {
            family.dead = true;
        }
        self.access.retain(|_, access| access.family != Some(number));
    }

    /// What an access token stands for, if it lives. Using it for work puts its end off; `touch` says so.
    pub fn access(&mut self, token: &str, now: Timestamp, touch: bool) -> Option<&Access> {
        let access = self.access.get_mut(token).filter(|access| access.expires > now)?;
        if touch {
            access.expires = after(now, access.seconds);
        }
        Some(access)
    }

    /// The live family a refresh token belongs to, if it is that family's present token.
    pub fn family(&self, token: &str) -> Option<&Family> {
        let family = self.families.get(self.refresh.get(token)?)?;
        (!family.dead && family.current == token).then_some(family)
    }

    /// Revokes an access token alone, or a refresh token with its access tokens; whether there was one.
    pub fn revoke(&mut self, token: &str) -> bool {
        if self.access.remove(token).is_some() {
            return true;
        }
        if self.family(token).is_none() {
            return false;
        }
        if let Some(number) = self.refresh.get(token).copied() {
            self.kill_family(number);
        }
        true
    }

    /// Ends one access token.
    pub fn expire(&mut self, token: &str) {
        self.access.remove(token);
    }

    /// Ends all access tokens and leaves the refresh tokens; how many.
    pub fn expire_access_tokens(&mut self) -> usize {
        let count = self.access.len();
        self.access.clear();
        count
    }

    /// Revokes all refresh tokens with their access tokens, of one user or of all; how many.
    pub fn revoke_refresh_tokens(&mut self, user: Option<Id>) -> usize {
        let doomed: Vec<u64> = self
            .families
            .iter()
            .filter(|(_, family)| !family.dead && user.is_none_or(|user| family.user == user))
            .map(|(number, _)| *number)
            .collect();
        for number in &doomed {
            self.kill_family(*number);
        }
        doomed.len()
    }
}

fn after(start: Timestamp, seconds: u64) -> Timestamp {
    let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
    start.checked_add(SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MAX)
}
