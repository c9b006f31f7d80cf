//! Where documentation and recorded answers leave the server's behaviour open, a setting of the org decides.
//!
//! The defaults are cautious: of two answers the one that is worse for a client, so that a client which
//! passes here passes on either kind of real org. Where it is otherwise, the README says why.

use serde::{Deserialize, Serialize};

/// The open questions, as settings of an org. A seed names those that differ from the default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Doubts {
    /// Whether `@{ref[0].id}` may point into the array that a collections sub-request answers with. The operators are
    /// documented, an array at the top is not. When off, such a reference fails like one that leads nowhere.
    /// Default: off.
    pub references_into_collections: bool,
    /// Whether a composite request with `collateSubrequests` pulls later sub-requests of the same kind forward. The
    /// documentation promises no order of unrelated sub-requests. Default: on.
    pub collation_reorders: bool,
    /// Whether `If-Unmodified-Since` and its like are heeded on records inside composite requests. Describes heed
    /// them always. When off, the sub-request is done as if it had no condition. Default: off.
    pub conditions_in_sub_requests: bool,
    /// Whether presenting a rotated refresh token kills the whole family. Default: on.
    pub family_revocation: bool,
    /// The error of a code verifier that does not fit. Default: the documented one.
    pub pkce_mismatch: PkceMismatch,
    /// The error of a refresh or a login for a user who has been switched off. Default: the code of its own.
    pub inactive_user: InactiveUser,
    /// Whether the client credentials flow works on the login host. Default: off.
    pub credentials_on_login_host: bool,
    /// The code of a data request without `Authorization`. Default: the header's own.
    pub missing_authorization: MissingAuthorization,
    /// The text of a refusal by userinfo and identity. Default: one for each cause, which no recording shows.
    pub identity_refusals: IdentityRefusals,
    /// The error of revoking a token that is none. Default: `invalid_token`.
    pub unknown_token_revoked: UnknownTokenRevoked,
    /// The status of a `nextRecordsUrl` that leads nowhere any more. Default: 400.
    pub lost_cursor: LostCursor,
    /// What becomes of records that one collection update names more than once. Default: the later ones are refused.
    pub repeated_ids: RepeatedIds,
    /// What is refused of a collection that has records of setup objects and of others. Default: the call.
    pub mixed_setup_objects: MixedSetupObjects,
    /// The error of a reference to a record that is not there. Default: `INVALID_CROSS_REFERENCE_KEY`.
    pub absent_reference: AbsentReference,
    /// The error of a reference to a record of an object that the field cannot refer to. Default: `MALFORMED_ID`.
    pub mistyped_reference: MistypedReference,
    /// The error of an event without start or length. Default: `REQUIRED_FIELD_MISSING`.
    pub event_without_times: EventWithoutTimes,
    /// Whether an activity about a lead may not have a `WhatId`. Default: on.
    pub lead_excludes_what: bool,
    /// Whether `WhoId` and `WhatId` can be given by a parent's external id. Default: off.
    pub polymorphic_parents_by_key: bool,
    /// How error messages quote record ids. Default: the 15 characters that a client has to complete.
    pub ids_in_messages: IdsInMessages,
    /// Whether the key of a duplicate rule's result is spelt `duplicateResult`. Recorded answers have
    /// `duplicateResut`. Default: off.
    pub duplicate_result_spelt_right: bool,
    /// The text of the 415 for a body of another kind than JSON. Default: it names the kind.
    pub refused_media_type: RefusedMediaType,
    /// The shape of the refusal of a composite with more than five queries and collections. Default: that of the recorded refusal of 26
    /// sub-requests, which a client takes for an answer.
    pub too_many_queries: TooManyQueries,
    /// The error of a campaign member that is neither a lead nor a contact. Default: `REQUIRED_FIELD_MISSING`.
    pub member_without_person: MemberWithoutPerson,
    /// The body of the 404 for an API version that does not exist yet. Default: that of any other 404.
    pub unknown_version: UnknownVersion,
    /// The text of an `invalid_grant` for an assertion. Default: one for each cause, which no recording shows.
    pub refused_assertion: RefusedAssertion,
    /// What the answer to a new custom field has. Default: all lists of the Tooling API.
    pub new_custom_field: NewCustomField,
    /// The status of a write that the user has no right to. Default: 400.
    pub refused_right: RefusedRight,
    /// The status of a token request whose client secret is wrong or missing. Default: 400.
    pub wrong_secret: WrongSecret,
    /// Whether a wrong code verifier uses up the code. Default: on.
    pub wrong_verifier_burns_code: bool,
    /// The status of an answer to a tree, whose body is documented and whose status is not. Default: that of its outcome.
    pub tree_status: TreeStatus,
    /// The error of a query that compares an id with what is none. Default: `INVALID_QUERY_FILTER_OPERATOR`.
    pub malformed_id_in_query: MalformedIdInQuery,
    /// The status of the recorded refusal of 26 sub-requests. Default: 200, which a client takes for an answer.
    pub too_many_requests: TooManyRequests,
    /// The status of a data request whose session may not use the API. Default: 401, which a client takes for an ended session.
    pub session_not_for_api: SessionNotForApi,
    /// Whether `Sforce-Limit-Info` tells the share of the app as well. Default: off.
    pub usage_of_the_app: bool,
    /// Whether `instance_url` ends in a slash, as in one of the documentation's samples. Default: off, as recorded.
    pub slash_after_instance_url: bool,
    /// Seconds for which queries, `updated` and `deleted` do not find a record that was just made; reading by id and
    /// upserting by key do. Committed rows are documented to be visible, so this default is the one that is not the
    /// worse answer. Default: 0.
    pub index_lag_seconds: u32,
}

impl Default for Doubts {
    fn default() -> Self {
        Self {
            references_into_collections: false,
            collation_reorders: true,
            conditions_in_sub_requests: false,
            family_revocation: true,
            pkce_mismatch: PkceMismatch::InvalidRequest,
            inactive_user: InactiveUser::InactiveUser,
            credentials_on_login_host: false,
            missing_authorization: MissingAuthorization::InvalidAuthHeader,
            identity_refusals: IdentityRefusals::Own,
            unknown_token_revoked: UnknownTokenRevoked::InvalidToken,
            lost_cursor: LostCursor::BadRequest,
            repeated_ids: RepeatedIds::RefuseLater,
            mixed_setup_objects: MixedSetupObjects::RefuseCall,
            absent_reference: AbsentReference::InvalidCrossReferenceKey,
            mistyped_reference: MistypedReference::MalformedId,
            event_without_times: EventWithoutTimes::RequiredFieldMissing,
            lead_excludes_what: true,
            polymorphic_parents_by_key: false,
            ids_in_messages: IdsInMessages::Short,
            duplicate_result_spelt_right: false,
            refused_media_type: RefusedMediaType::Named,
            too_many_queries: TooManyQueries::Element,
            member_without_person: MemberWithoutPerson::RequiredFieldMissing,
            unknown_version: UnknownVersion::NotFound,
            refused_assertion: RefusedAssertion::Own,
            new_custom_field: NewCustomField::Full,
            refused_right: RefusedRight::BadRequest,
            wrong_secret: WrongSecret::BadRequest,
            wrong_verifier_burns_code: true,
            tree_status: TreeStatus::ByOutcome,
            malformed_id_in_query: MalformedIdInQuery::InvalidQueryFilterOperator,
            too_many_requests: TooManyRequests::Ok,
            session_not_for_api: SessionNotForApi::Unauthorized,
            usage_of_the_app: false,
            slash_after_instance_url: false,
            index_lag_seconds: 0,
        }
    }
}

/// The error of a code verifier that does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PkceMismatch {
    /// `invalid_request`, as documented.
    InvalidRequest,
    /// `invalid_grant`, as reported from the field.
    InvalidGrant,
}

/// The error of a token request for a user who has been switched off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InactiveUser {
    /// `inactive_user`.
    InactiveUser,
    /// `invalid_grant` with the description "inactive user".
    InvalidGrant,
}

/// The code of a data request without an `Authorization` header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MissingAuthorization {
    /// `INVALID_AUTH_HEADER`.
    InvalidAuthHeader,
    /// `INVALID_HEADER_TYPE`.
    InvalidHeaderType,
    /// `INVALID_SESSION_ID`.
    InvalidSessionId,
}

/// The text of a refusal by userinfo and identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IdentityRefusals {
    /// `Missing_OAuth_Token`, `Bad_OAuth_Token`, `Wrong_Org`, `Bad_Id`.
    Own,
    /// `Bad_OAuth_Token` whatever the cause: the one text that was recorded.
    BadOauthToken,
}

/// The error of revoking a token that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnknownTokenRevoked {
    /// `invalid_token`.
    InvalidToken,
    /// `unsupported_token_type`.
    UnsupportedTokenType,
}

/// The status of a `nextRecordsUrl` that leads nowhere any more; the code is `INVALID_QUERY_LOCATOR` either way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LostCursor {
    /// 400, as documented.
    BadRequest,
    /// 404, as seen in the field.
    NotFound,
}

/// What becomes of records that one collection update names more than once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RepeatedIds {
    /// The first is written, the later ones fail with `DUPLICATE_VALUE`: what the client meant last is lost.
    RefuseLater,
    /// All of them fail, as those of an upsert with one key do.
    RefuseAll,
    /// They are written one after the other.
    Apply,
}

/// What is refused of a collection that has records of setup objects and of others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MixedSetupObjects {
    /// All of it, with one error.
    RefuseCall,
    /// The records of the kind that comes second, each with its error.
    RefuseSecondKind,
}

/// The error of a reference to a record that is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AbsentReference {
    /// `INVALID_CROSS_REFERENCE_KEY`.
    InvalidCrossReferenceKey,
    /// `INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY`.
    InsufficientAccess,
}

/// The error of a reference to a record of an object that the field cannot refer to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MistypedReference {
    /// `MALFORMED_ID`.
    MalformedId,
    /// `FIELD_INTEGRITY_EXCEPTION`.
    FieldIntegrityException,
}

/// The error of an event without start or length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventWithoutTimes {
    /// `REQUIRED_FIELD_MISSING`.
    RequiredFieldMissing,
    /// `FIELD_INTEGRITY_EXCEPTION`.
    FieldIntegrityException,
}

/// How error messages quote record ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IdsInMessages {
    /// 15 characters.
    Short,
    /// 18 characters.
    Long,
}

/// The text of the 415 for a body of another kind than JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusedMediaType {
    /// The kind is named.
    Named,
    /// The code alone.
    Bare,
}

/// The shape of the refusal of a composite with more than five queries and collections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TooManyQueries {
    /// `compositeResponse` with one element.
    Element,
    /// An array of errors, as other refusals.
    Errors,
}

/// The error of a campaign member that is neither a lead nor a contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MemberWithoutPerson {
    /// `REQUIRED_FIELD_MISSING`.
    RequiredFieldMissing,
    /// `FIELD_INTEGRITY_EXCEPTION`.
    FieldIntegrityException,
}

/// The body of the 404 for an API version that does not exist yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnknownVersion {
    /// `NOT_FOUND` as JSON.
    NotFound,
    /// An HTML page.
    Page,
}

/// The text of an `invalid_grant` for an assertion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusedAssertion {
    /// What is wrong with it.
    Own,
    /// "invalid assertion" whatever the cause.
    InvalidAssertion,
}

/// What the answer to a new custom field has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NewCustomField {
    /// `errors`, `warnings` and `infos`.
    Full,
    /// `errors` alone, as any other new record has.
    Plain,
}

/// The status of a write that the user has no right to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusedRight {
    /// 400.
    BadRequest,
    /// 403.
    Forbidden,
}

/// The status of a token request whose client secret is wrong or missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WrongSecret {
    /// 400.
    BadRequest,
    /// 401.
    Unauthorized,
}

/// The status of an answer to a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TreeStatus {
    /// 201 for a tree that stands, 400 for one that does not.
    ByOutcome,
    /// 200 for either; `hasErrors` alone tells them apart.
    Ok,
}

/// The error of a query that compares an id with what is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MalformedIdInQuery {
    /// `INVALID_QUERY_FILTER_OPERATOR`.
    InvalidQueryFilterOperator,
    /// `MALFORMED_QUERY`.
    MalformedQuery,
}

/// The status of the refusal of a composite with more than 25 sub-requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TooManyRequests {
    /// 200.
    Ok,
    /// 400.
    BadRequest,
}

/// The status of a data request whose session may not use the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionNotForApi {
    /// 401.
    Unauthorized,
    /// 403.
    Forbidden,
}
