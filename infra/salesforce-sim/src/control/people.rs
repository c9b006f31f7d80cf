//! What people do in the org beyond the REST API, as control calls: taking records out of the recycle bin, merging,
//! converting, and hiding records from each other.

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Control;
use super::routes::{document, problem};
use crate::error::ApiError;
use crate::http::reply::Reply;
use crate::http::request::Call;
use crate::id::Id;
use crate::org::{Conversion, Org, Session};

type Done = Result<Reply, Reply>;

/// What a call says beside the record in its path.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Wish {
    /// The username of who does it; the first user when absent.
    by: Option<String>,
    losers: Vec<Id>,
    account: Option<Id>,
    contact: Option<Id>,
    opportunity: Option<String>,
    /// Usernames.
    from: Vec<String>,
}

/// `POST /__control/records/ID/{undelete,merge,convert}`.
pub(super) fn act(control: &Control, call: &Call, id: &str, action: &str) -> Done {
    let (wish, id) = (wish(call)?, record(id)?);
    let mut world = control.shared().world();
    let user = match &wish.by {
        Some(name) => user(&world.org, name)?,
        None => world.org.users().next().map(|user| user.id).ok_or_else(|| problem(409, "This org has no user."))?,
    };
    let s = world.org.edit_as(user);
    match action {
        "undelete" => world.org.undelete(&s, id).map(|()| Reply::empty(204)).map_err(|error| refused(&[error])),
        "merge" => merge(&mut world.org, &s, id, &wish.losers),
        _ => convert(&mut world.org, &s, id, wish),
    }
}

fn merge(org: &mut Org, s: &Session, master: Id, losers: &[Id]) -> Done {
    let object = org.schema().by_prefix(master.prefix()).map(|(_, object)| object.name.to_string());
    let object = object.ok_or_else(|| problem(404, "There is no such record."))?;
    org.merge(s, &object, master, losers).map(|()| Reply::empty(204)).map_err(|error| refused(&[error]))
}

fn convert(org: &mut Org, s: &Session, lead: Id, wish: Wish) -> Done {
    let how = Conversion { account: wish.account, contact: wish.contact, opportunity: wish.opportunity };
    let converted = org.convert_lead(s, lead, &how).map_err(|errors| refused(&errors))?;
    Ok(Reply::json(200, json!({"account": converted.account, "contact": converted.contact, "opportunity": converted.opportunity})))
}

/// `POST` and `DELETE /__control/hidden/ID`.
pub(super) fn hide(control: &Control, call: &Call, id: &str) -> Done {
    let (wish, id) = (wish(call)?, record(id)?);
    let mut world = control.shared().world();
    if call.method == Method::DELETE {
        world.org.show(&id);
        return Ok(Reply::empty(204));
    }
    if wish.from.is_empty() {
        return Err(problem(400, "The body needs a list \"from\" of usernames."));
    }
    for name in &wish.from {
        let user = user(&world.org, name)?;
        world.org.hide(id, user);
    }
    Ok(Reply::empty(204))
}

fn wish(call: &Call) -> Result<Wish, Reply> {
    serde_json::from_value(document(call)?).map_err(|error| problem(400, error.to_string()))
}

fn record(id: &str) -> Result<Id, Reply> {
    Id::parse(id).map_err(|_| problem(400, "That is no record id."))
}

fn user(org: &Org, name: &str) -> Result<Id, Reply> {
    org.user_by_name(name).map(|user| user.id).ok_or_else(|| problem(404, format!("There is no user {name}.")))
}

fn refused(errors: &[ApiError]) -> Reply {
    let status = errors.first().map_or(500, |error| error.status);
    Reply::json(status, Value::Array(errors.iter().map(ApiError::to_json).collect()))
}
