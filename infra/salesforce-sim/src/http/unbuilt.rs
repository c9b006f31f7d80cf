//! What a real org serves and this one does not: known, so that it answers 501 and not the 404 of a path that nobody has.
//!
//! Sources: the REST API guide ("Resources by Version" and its reference), and the guides of the APIs that live beside it.

/// Resources below `/services/data/vXX.X`. Of `jobs`, `search`, `sobjects` and `tooling` parts are built.
const RESOURCES: &[&str] = &[
    "actions",
    "analytics",
    "appMenu",
    "asset-management",
    "async",
    "async-queries",
    "chatter",
    "commerce",
    "compactLayouts",
    "connect",
    "consent",
    "contact-tracing",
    "dedupe",
    "domino",
    "eclair",
    "einstein",
    "emailConnect",
    "event",
    "eventSchema",
    "fingerprint",
    "folders",
    "graphql",
    "iot",
    "jobs",
    "jsonxform",
    "knowledgeManagement",
    "licensing",
    "localizedvalue",
    "metadata",
    "mobile",
    "named",
    "nouns",
    "parameterizedSearch",
    "payments",
    "prechatForms",
    "process",
    "quickActions",
    "recent",
    "scheduling",
    "search",
    "serviceTemplates",
    "sfdc",
    "sites",
    "smartdatadiscovery",
    "ssot",
    "support",
    "tabs",
    "theme",
    "tokenizer",
    "tooling",
    "ui-api",
    "wave",
];

/// What follows `sobjects/X` beside records.
const OF_OBJECTS: &[&str] = &["defaultValues", "describe", "eventSchema", "listviews", "quickActions", "relevantItems"];

/// APIs and sign-on below `/services`.
const SERVICES: &[&str] = &["Soap", "apexrest", "async", "auth", "authcallback", "scim", "wsdl"];

/// First segments of other paths that answer programs or browsers.
const ROOTS: &[&str] = &["apex", "cometd", "idp", "lightning", "saml", "secur", "servlet", "setup", "sfc"];

/// A resource of the data API that is not built, by the segments after the version.
pub fn is_resource(rest: &[&str]) -> bool {
    rest.first().is_some_and(|first| RESOURCES.contains(first))
}

/// A resource of an object that is not built, by the segments after the object.
pub fn is_of_object(tail: &[&str]) -> bool {
    tail.first().is_some_and(|first| OF_OBJECTS.contains(first))
}

/// An API beside the data API, by all segments of the path. Answers what it is called.
///
/// Of `/services/oauth2` nobody has written down how an endpoint that is not there answers: all of it counts as known.
pub fn api(parts: &[&str]) -> Option<String> {
    match parts {
        ["services", "oauth2", endpoint, ..] => Some(format!("services/oauth2/{endpoint}")),
        ["services", api, ..] if SERVICES.contains(api) => Some(format!("services/{api}")),
        [".well-known", "auth-configuration"] => Some(".well-known/auth-configuration".to_owned()),
        [root, ..] if ROOTS.contains(root) => Some((*root).to_owned()),
        _ => None,
    }
}

/// The path without the suffix that names a format, where it has one: `limits.xml` is `limits` as XML.
pub fn without_format<'a>(rest: &[&'a str]) -> Option<Vec<&'a str>> {
    let (last, before) = rest.split_last()?;
    let stem = last.strip_suffix(".xml").or_else(|| last.strip_suffix(".json"))?;
    Some(before.iter().copied().chain([stem]).collect())
}
