//! Who a token belongs to: userinfo, the identity URL, the OpenID configuration.

use http::header;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::answer::identity_url;
use crate::doubts::IdentityRefusals;
use crate::http::reply::Reply;
use crate::http::request::Call;
use crate::id::Id;
use crate::org::User;
use crate::service::World;

/// The one text of a refusal that was recorded.
const BAD_TOKEN: &str = "Bad_OAuth_Token";

/// A refusal: 403 and plain text, unlike every other error of the server.
fn forbidden(world: &World, text: &str) -> Reply {
    let text = match world.org.doubts().identity_refusals {
        IdentityRefusals::Own => text,
        IdentityRefusals::BadOauthToken => BAD_TOKEN,
    };
    Reply::text(403, "text/html;charset=UTF-8", text)
}

fn bearer_user(world: &mut World, call: &Call, now: Timestamp) -> Result<User, Reply> {
    let form = call.form().unwrap_or_default();
    let in_form = form.iter().find(|(name, _)| name == "access_token").map(|(_, token)| token.clone());
    let in_query = call.param("oauth_token").or_else(|| call.param("access_token")).map(str::to_owned);
    let token = call.bearer().map(str::to_owned).or(in_form).or(in_query).ok_or_else(|| forbidden(world, "Missing_OAuth_Token"))?;
    let user = world.oauth.access(&token, now, true).map(|access| access.user);
    user.and_then(|user| world.org.user(&user)).filter(|user| user.active).cloned().ok_or_else(|| forbidden(world, BAD_TOKEN))
}

/// Paths of the services, with `{version}` where the caller puts one.
fn urls(world: &World, user: Id) -> Map<String, Value> {
    let base = &world.instance_url;
    let organization = world.org.organization_id();
    let rest = format!("{base}/services/data/v{{version}}/");
    let soap = |kind: &str| format!("{base}/services/Soap/{kind}/{{version}}/{}", organization.short());
    [
        ("enterprise", soap("c")),
        ("metadata", soap("m")),
        ("partner", soap("u")),
        ("rest", rest.clone()),
        ("sobjects", format!("{rest}sobjects/")),
        ("search", format!("{rest}search/")),
        ("query", format!("{rest}query/")),
        ("recent", format!("{rest}recent/")),
        ("tooling_rest", format!("{rest}tooling/")),
        ("tooling_soap", soap("T")),
        ("profile", format!("{base}/{user}")),
        ("feeds", format!("{rest}chatter/feeds")),
        ("groups", format!("{rest}chatter/groups")),
        ("users", format!("{rest}chatter/users")),
        ("feed_items", format!("{rest}chatter/feed-items")),
        ("feed_elements", format!("{rest}chatter/feed-elements")),
        ("custom_domain", base.clone()),
    ]
    .into_iter()
    .map(|(name, url)| (name.to_owned(), json!(url)))
    .collect()
}

/// `GET /services/oauth2/userinfo`.
pub fn userinfo(world: &mut World, call: &Call, now: Timestamp) -> Reply {
    let user = match bearer_user(world, call, now) {
        Ok(user) => user,
        Err(refusal) => return refusal,
    };
    let base = world.instance_url.clone();
    let body = json!({
        "sub": identity_url(world, user.id),
        "user_id": user.id,
        "organization_id": world.org.organization_id(),
        "preferred_username": user.username,
        "nickname": nickname(&user),
        "name": user.name,
        "email": user.email,
        "email_verified": true,
        "given_name": user.first_name,
        "family_name": user.last_name,
        "zoneinfo": user.time_zone,
        "photos": photos(&base),
        "profile": format!("{base}/{}", user.id),
        "picture": format!("{base}/profilephoto/005/F"),
        "address": {},
        "is_salesforce_integration_user": false,
        "urls": urls(world, user.id),
        "active": user.active,
        "user_type": "STANDARD",
        "language": user.language,
        "locale": user.locale,
        "utcOffset": 0,
        "updated_at": crate::http::clock::wire(now),
    });
    Reply::json(200, body)
}

fn nickname(user: &User) -> String {
    user.username.split('@').next().unwrap_or_default().to_owned()
}

fn photos(base: &str) -> Value {
    json!({"picture": format!("{base}/profilephoto/005/F"), "thumbnail": format!("{base}/profilephoto/005/T")})
}

/// `GET /id/{organization}/{user}`. The ids of the path must be the token's.
pub fn identity(world: &mut World, call: &Call, organization: &str, user_id: &str, now: Timestamp) -> Reply {
    let user = match bearer_user(world, call, now) {
        Ok(user) => user,
        Err(refusal) => return refusal,
    };
    if Id::parse(organization).ok() != Some(world.org.organization_id()) {
        return forbidden(world, "Wrong_Org");
    }
    let Some(asked) = Id::parse(user_id).ok().and_then(|id| world.org.user(&id)).cloned() else {
        return forbidden(world, "Bad_Id");
    };
    let base = world.instance_url.clone();
    let body = json!({
        "id": identity_url(world, asked.id),
        "asserted_user": asked.id == user.id,
        "user_id": asked.id,
        "organization_id": world.org.organization_id(),
        "username": asked.username,
        "nick_name": nickname(&asked),
        "display_name": asked.name,
        "email": asked.email,
        "email_verified": true,
        "first_name": asked.first_name,
        "last_name": asked.last_name,
        "timezone": asked.time_zone,
        "photos": photos(&base),
        "addr_street": null, "addr_city": null, "addr_state": null, "addr_country": null, "addr_zip": null,
        "mobile_phone": null, "mobile_phone_verified": false,
        "is_lightning_login_user": false,
        "status": {"created_date": null, "body": null},
        "urls": urls(world, asked.id),
        "active": asked.active,
        "user_type": "STANDARD",
        "language": asked.language,
        "locale": asked.locale,
        "utcOffset": 0,
        "last_modified_date": crate::http::clock::wire(now),
        "is_app_installed": true,
    });
    Reply::json(200, body).with(header::CACHE_CONTROL, "no-cache, no-store")
}

/// `GET /.well-known/openid-configuration`.
pub fn metadata(world: &World) -> Reply {
    let host = &world.login_url;
    let endpoint = |name: &str| format!("{host}/services/oauth2/{name}");
    Reply::json(
        200,
        json!({
            "issuer": host,
            "authorization_endpoint": endpoint("authorize"),
            "token_endpoint": endpoint("token"),
            "revocation_endpoint": endpoint("revoke"),
            "userinfo_endpoint": endpoint("userinfo"),
            "introspection_endpoint": endpoint("introspect"),
            "jwks_uri": format!("{host}/id/keys"),
            "scopes_supported": ["api", "refresh_token", "offline_access", "id", "openid", "profile", "email", "web", "full"],
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic", "private_key_jwt"],
        }),
    )
}
