//! Which resource a path names. Owns the map of paths and the names of route kinds; refuses to answer.

use super::unbuilt;

/// A resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// OAuth endpoints and the pages of the login.
    OAuth(OAuth),
    /// `/services/data`: the list of versions, open to all.
    Versions,
    /// Below `/services/data/vXX.X`.
    Data {
        /// The version segment as written, for example `v66.0`.
        version: String,
        /// The resource.
        resource: Data,
    },
    /// `/__control/…`, the simulator's own surface.
    Control,
    /// Pages of the org for people.
    Page,
    /// An API that a real org has beside these, as its path names it.
    NotBuilt(String),
    /// No such path.
    Unknown,
}

/// OAuth endpoints.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the variants are the endpoints' names")]
pub enum OAuth {
    Authorize,
    Token,
    Revoke,
    Introspect,
    UserInfo,
    Metadata,
    Keys,
    Login,
    Approve,
    ErrorPage,
    DevicePage,
    Identity { organization: String, user: String },
}

/// Data resources.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the variants are the resources' names in the REST API guide")]
pub enum Data {
    Resources,
    Limits,
    RecordCount,
    DescribeGlobal,
    Object(String),
    Describe(String),
    Updated(String),
    Deleted(String),
    Row {
        sobject: String,
        id: String,
    },
    ExternalRow {
        sobject: String,
        field: String,
        value: String,
    },
    Query,
    QueryAll,
    QueryMore(String),
    Search,
    Composite,
    Batch,
    Graph,
    Tree(String),
    Collections,
    CollectionsOf(String),
    CollectionsUpsert {
        sobject: String,
        field: String,
    },
    ToolingFields,
    ToolingField(String),
    ToolingQuery,
    /// What follows `jobs`.
    Jobs(Vec<String>),
    /// Exists in Salesforce, is not built here.
    NotBuilt(String),
    /// No such resource.
    Unknown,
}

impl Route {
    /// Reads decoded path segments.
    pub fn parse(segments: &[String]) -> Route {
        let parts: Vec<&str> = segments.iter().map(String::as_str).collect();
        match parts.as_slice() {
            ["services", "oauth2", endpoint] if let Some(endpoint) = oauth(endpoint) => Route::OAuth(endpoint),
            [".well-known", "openid-configuration"] => Route::OAuth(OAuth::Metadata),
            ["id", "keys"] => Route::OAuth(OAuth::Keys),
            ["id", organization, user] => Route::OAuth(OAuth::Identity { organization: (*organization).to_owned(), user: (*user).to_owned() }),
            ["login"] => Route::OAuth(OAuth::Login),
            ["setup", "secur", "RemoteAccessAuthorizationPage.apexp"] => Route::OAuth(OAuth::Approve),
            ["setup", "secur", "RemoteAccessErrorPage.apexp"] => Route::OAuth(OAuth::ErrorPage),
            ["setup", "connect"] => Route::OAuth(OAuth::DevicePage),
            ["services", "data"] => Route::Versions,
            ["services", "data", version, rest @ ..] => Route::Data { version: (*version).to_owned(), resource: data(rest) },
            ["__control", ..] => Route::Control,
            [] | ["o", _] | ["r", _, _] | ["lightning", "o", ..] | ["lightning", "r", _, _, "view"] => Route::Page,
            _ => match (unbuilt::api(&parts), parts.as_slice()) {
                (Some(api), _) => Route::NotBuilt(api),
                (None, ["services"]) => Route::Unknown,
                (None, [_]) => Route::Page,
                _ => Route::Unknown,
            },
        }
    }

    /// The route's kind: what faults match and counters count by.
    pub fn kind(&self) -> &'static str {
        match self {
            Route::OAuth(endpoint) => endpoint.kind(),
            Route::Versions => "versions",
            Route::Data { resource, .. } => resource.kind(),
            Route::Control => "control",
            Route::Page => "page",
            Route::NotBuilt(_) => "not_built",
            Route::Unknown => "unknown",
        }
    }
}

fn oauth(endpoint: &str) -> Option<OAuth> {
    Some(match endpoint {
        "authorize" => OAuth::Authorize,
        "token" => OAuth::Token,
        "revoke" => OAuth::Revoke,
        "introspect" => OAuth::Introspect,
        "userinfo" => OAuth::UserInfo,
        _ => return None,
    })
}

/// What the segments after the version name.
fn data(rest: &[&str]) -> Data {
    match unbuilt::without_format(rest) {
        Some(bare) if takes_format(&resource(&bare)) => Data::NotBuilt(rest.join("/")),
        _ => resource(rest),
    }
}

/// Whether a suffix that names a format can follow. What ends a key belongs to the key.
fn takes_format(resource: &Data) -> bool {
    match resource {
        Data::Row { id, .. } => crate::id::Id::parse(id).is_ok(),
        Data::ExternalRow { .. } | Data::NotBuilt(_) | Data::Unknown => false,
        _ => true,
    }
}

fn resource(rest: &[&str]) -> Data {
    let own = |text: &&str| (*text).to_owned();
    match rest {
        [] => Data::Resources,
        ["limits"] => Data::Limits,
        ["limits", "recordCount"] => Data::RecordCount,
        ["sobjects"] => Data::DescribeGlobal,
        ["sobjects", "relevantItems"] => Data::NotBuilt(rest.join("/")),
        ["sobjects", sobject, tail @ ..] => object(sobject, tail),
        ["query"] => Data::Query,
        ["queryAll"] => Data::QueryAll,
        ["search"] => Data::Search,
        ["query" | "queryAll", locator] => Data::QueryMore(own(locator)),
        ["jobs", tail @ ..] if matches!(tail.first(), Some(&("ingest" | "query"))) => Data::Jobs(tail.iter().map(own).collect()),
        ["tooling", "sobjects", "CustomField"] => Data::ToolingFields,
        ["tooling", "sobjects", "CustomField", id] if matches!(id.len(), 15 | 18) => Data::ToolingField(own(id)),
        ["tooling", "query"] => Data::ToolingQuery,
        ["composite"] => Data::Composite,
        ["composite", "batch"] => Data::Batch,
        ["composite", "graph"] => Data::Graph,
        ["composite", "tree", sobject] => Data::Tree(own(sobject)),
        ["composite", "sobjects"] => Data::Collections,
        ["composite", "sobjects", sobject] => Data::CollectionsOf(own(sobject)),
        ["composite", "sobjects", sobject, field] => Data::CollectionsUpsert { sobject: own(sobject), field: own(field) },
        _ if unbuilt::is_resource(rest) => Data::NotBuilt(rest.join("/")),
        _ => Data::Unknown,
    }
}

fn object(sobject: &str, tail: &[&str]) -> Data {
    let sobject = sobject.to_owned();
    let own = |text: &&str| (*text).to_owned();
    match tail {
        [] => Data::Object(sobject),
        ["describe"] => Data::Describe(sobject),
        ["updated"] => Data::Updated(sobject),
        ["deleted"] => Data::Deleted(sobject),
        _ if unbuilt::is_of_object(tail) => Data::NotBuilt(format!("sobjects/{sobject}/{}", tail.join("/"))),
        [id] => Data::Row { sobject, id: own(id) },
        [id, _, ..] if crate::id::Id::parse(id).is_ok() => Data::NotBuilt(format!("sobjects/{sobject}/{}", tail.join("/"))),
        [field, value] => Data::ExternalRow { sobject, field: own(field), value: own(value) },
        _ => Data::Unknown,
    }
}

impl OAuth {
    fn kind(&self) -> &'static str {
        match self {
            OAuth::Authorize => "oauth.authorize",
            OAuth::Token => "oauth.token",
            OAuth::Revoke => "oauth.revoke",
            OAuth::Introspect => "oauth.introspect",
            OAuth::UserInfo => "oauth.userinfo",
            OAuth::Metadata => "oauth.metadata",
            OAuth::Keys => "oauth.keys",
            OAuth::Login => "oauth.login",
            OAuth::Approve => "oauth.approve",
            OAuth::ErrorPage => "oauth.error",
            OAuth::DevicePage => "oauth.device",
            OAuth::Identity { .. } => "oauth.identity",
        }
    }
}

impl Data {
    /// The resource's kind.
    pub fn kind(&self) -> &'static str {
        match self {
            Data::Resources => "resources",
            Data::Limits => "limits",
            Data::RecordCount => "limits.recordCount",
            Data::DescribeGlobal => "describe.global",
            Data::Object(_) => "sobject",
            Data::Describe(_) => "describe.sobject",
            Data::Updated(_) => "sobject.updated",
            Data::Deleted(_) => "sobject.deleted",
            Data::Row { .. } => "sobject.row",
            Data::ExternalRow { .. } => "sobject.external",
            Data::Query => "query",
            Data::QueryAll => "query.all",
            Data::QueryMore(_) => "query.more",
            Data::Search => "search",
            Data::Composite => "composite",
            Data::Batch => "composite.batch",
            Data::Graph => "composite.graph",
            Data::Tree(_) => "composite.tree",
            Data::Collections => "composite.collections",
            Data::CollectionsOf(_) => "composite.collections.retrieve",
            Data::CollectionsUpsert { .. } => "composite.collections.upsert",
            Data::ToolingFields | Data::ToolingField(_) | Data::ToolingQuery => "tooling",
            Data::Jobs(path) if path.first().is_some_and(|first| first == "query") => "bulk.query",
            Data::Jobs(_) => "bulk.ingest",
            Data::NotBuilt(_) => "not_built",
            Data::Unknown => "unknown",
        }
    }

    /// The methods the resource takes, in the order error texts list them.
    pub fn methods(&self) -> &'static [&'static str] {
        match self {
            Data::Resources | Data::Limits | Data::RecordCount | Data::DescribeGlobal | Data::Describe(_) => &["GET", "HEAD"],
            Data::Updated(_) | Data::Deleted(_) => &["GET", "HEAD"],
            Data::Query | Data::QueryAll | Data::QueryMore(_) | Data::Search | Data::ToolingQuery => &["GET", "HEAD"],
            Data::Object(_) | Data::ToolingFields => &["GET", "HEAD", "POST"],
            Data::Row { id, .. } if id.eq_ignore_ascii_case("Id") => &["POST"],
            Data::Row { .. } | Data::ExternalRow { .. } | Data::ToolingField(_) => &["DELETE", "GET", "HEAD", "PATCH"],
            Data::Composite => &["GET", "HEAD", "POST"],
            Data::Batch | Data::Graph | Data::Tree(_) => &["POST"],
            Data::Collections => &["DELETE", "GET", "HEAD", "PATCH", "POST"],
            Data::CollectionsOf(_) => &["GET", "HEAD", "POST"],
            Data::CollectionsUpsert { .. } => &["PATCH"],
            Data::Jobs(path) => match path.as_slice() {
                [_] => &["GET", "HEAD", "POST"],
                [_, _] => &["DELETE", "GET", "HEAD", "PATCH"],
                [_, _, last] if last == "batches" => &["PUT"],
                _ => &["GET", "HEAD"],
            },
            Data::NotBuilt(_) | Data::Unknown => &[],
        }
    }

    /// Whether a composite request counts this among its five queries and collections.
    pub fn is_bulky(&self) -> bool {
        matches!(
            self,
            Data::Query | Data::QueryAll | Data::QueryMore(_) | Data::Collections | Data::CollectionsOf(_) | Data::CollectionsUpsert { .. }
        )
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;

    #[test]
    fn paths_name_their_kind() {
        let cases = [
            ("", "page"),
            ("services/oauth2/token", "oauth.token"),
            ("services/oauth2", "unknown"),
            ("services/nope", "unknown"),
            ("nope/nope", "unknown"),
            (".well-known/nope", "unknown"),
            ("id/00D/005", "oauth.identity"),
            ("id/keys", "oauth.keys"),
            ("services/data", "versions"),
            ("services/data/v66.0", "resources"),
            ("services/data/v66.0/limits/recordCount", "limits.recordCount"),
            ("services/data/v66.0/sobjects/Lead", "sobject"),
            ("services/data/v66.0/sobjects/Lead/describe", "describe.sobject"),
            ("services/data/v66.0/sobjects/Lead/00Q000000000999EAA", "sobject.row"),
            ("services/data/v66.0/sobjects/Lead/Ext__c/e1", "sobject.external"),
            ("services/data/v66.0/query/01gxx-2000", "query.more"),
            ("services/data/v66.0/composite/sobjects/Lead/Ext__c", "composite.collections.upsert"),
            ("services/data/v66.0/search", "search"),
            ("services/data/v66.0/tooling/query", "tooling"),
            ("services/data/v66.0/tooling/sobjects/CustomField/00N000000000999", "tooling"),
            ("services/data/v66.0/nope", "unknown"),
            ("services/data/v66.0/nope.json", "unknown"),
            ("services/data/v66.0/sobjects/Lead/Ext__c/a.json", "sobject.external"),
            ("services/data/v66.0/sobjects/Lead/Ext__c/a/b", "unknown"),
            ("__control/faults", "control"),
        ];
        for (path, want) in cases {
            let segments: Vec<String> = path.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect();
            assert_eq!(Route::parse(&segments).kind(), want, "{path}");
        }
    }

    #[test]
    fn what_salesforce_has_beside_these_is_not_built() {
        let data = "services/data/v66.0";
        let listed = super::super::versions::RESOURCES.iter().map(|name| format!("{data}/{name}"));
        let listed = listed.filter(|path| {
            !["composite", "limits", "query", "queryAll", "search", "sobjects"].iter().any(|built| path.ends_with(&format!("/{built}")))
        });
        let beside = [
            "services/oauth2/singleaccess",
            "services/oauth2/register",
            "services/oauth2/token/x",
            "services/Soap/u/66.0",
            "services/apexrest/mine",
            "services/async/66.0/job",
            "services/auth/sso/x",
            "services/scim/v2/Users",
            "cometd/66.0",
            "secur/frontdoor.jsp",
            "setup/secur/nope",
            "lightning/setup/SetupOneHome/home",
            ".well-known/auth-configuration",
        ];
        let below = [
            "async-queries",
            "consent/action/email",
            "dedupe/job",
            "graphql",
            "jobs/nope",
            "named/query/mine",
            "sobjects.json",
            "sobjects/Lead/00Q000000000999EAA.xml",
            "sobjects/Lead/describe/layouts",
            "sobjects/User/describe/namedLayouts/x",
            "sobjects/Account/defaultValues",
            "sobjects/relevantItems",
            "sobjects/Contact/003000000000999/Account",
            "sobjects/Contact/003000000000999/Account/Owner",
            "search/layout",
            "tooling/sobjects",
            "tooling/sobjects/CustomField/describe",
            "tooling/sobjects/ApexClass",
            "tooling/executeAnonymous",
        ];
        for path in listed.chain(beside.map(str::to_owned)).chain(below.map(|path| format!("{data}/{path}"))) {
            let segments: Vec<String> = path.split('/').map(str::to_owned).collect();
            assert_eq!(Route::parse(&segments).kind(), "not_built", "{path}");
        }
    }
}
