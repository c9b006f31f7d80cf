//! One table from Salesforce's codes, and from HTTP statuses, to our classes.

use super::error::{Class, RETRY};

/// Where there is no code we know. 420 and 429 come from the edge, 502 to 504 from in between.
pub(super) fn class_of_status(status: u16) -> Class {
    match status {
        401 => Class::Reauthorise,
        408 | 420 | 429 | 500..=599 => RETRY,
        410 => Class::Pause,
        405 | 406 | 414 | 415 | 428 | 431 => Class::Bug,
        _ => Class::Park,
    }
}

/// The table. Codes are those of the REST API Developer Guide ("Status Codes and Error Responses"), the SOAP API's
/// `StatusCode` and `ExceptionCode` lists, and recorded answers. `None`: the HTTP status decides, else the record is parked.
pub(super) fn class_of_code(code: &str) -> Option<Class> {
    Some(match code {
        // Passing states of the org or of the row.
        "UNABLE_TO_LOCK_ROW"
        | "QUERY_TIMEOUT"
        | "REQUEST_RUNNING_TOO_LONG"
        | "TXN_SECURITY_METERING_ERROR"
        | "TOO_MANY_APEX_REQUESTS"
        | "CONCURRENT_REQUEST_LIMIT_EXCEEDED"
        | "SERVER_UNAVAILABLE"
        | "SERVICE_UNAVAILABLE"
        | "UNKNOWN_EXCEPTION"
        | "INTERNAL_ERROR"
        | "INTERNAL_SERVER_ERROR"
        | "ORG_LOCKED"
        | "PROCESSING_HALTED"
        | "BATCH_PROCESSING_HALTED"
        | "ALL_OR_NONE_OPERATION_ROLLED_BACK" => RETRY,

        // The connection as a whole is stopped. Usage tells more about the first one: see `class_of_limit`.
        "REQUEST_LIMIT_EXCEEDED"
        | "STORAGE_LIMIT_EXCEEDED"
        | "API_DISABLED_FOR_ORG"
        | "API_CURRENTLY_DISABLED"
        | "TRIAL_EXPIRED"
        | "INACTIVE_ORG"
        | "PASSWORD_LOCKOUT"
        | "UNSUPPORTED_API_VERSION" => Class::Pause,

        "INVALID_SESSION_ID" => Class::Reauthorise,

        // Requests of a wrong shape: ours, not the record's.
        "INVALID_AUTH_HEADER"
        | "INVALID_HEADER_TYPE"
        | "MALFORMED_QUERY"
        | "INVALID_QUERY_LOCATOR"
        | "INVALID_QUERY_FILTER_OPERATOR"
        | "INVALID_REPLICATION_DATE"
        | "EXCEEDED_ID_LIMIT"
        | "LIMIT_EXCEEDED"
        | "METHOD_NOT_ALLOWED"
        | "UNSUPPORTED_MEDIA_TYPE"
        | "URI_TOO_LONG"
        | "INVALID_BATCH_REQUEST"
        | "INVALID_TYPE_FOR_OPERATION" => Class::Bug,

        // The record, the configuration or the org's rules stand in the way until somebody changes something.
        "REQUIRED_FIELD_MISSING"
        | "STRING_TOO_LONG"
        | "INVALID_EMAIL_ADDRESS"
        | "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"
        | "NUMBER_OUTSIDE_VALID_RANGE"
        | "FIELD_CUSTOM_VALIDATION_EXCEPTION"
        | "FIELD_INTEGRITY_EXCEPTION"
        | "FIELD_FILTER_VALIDATION_EXCEPTION"
        | "INVALID_FIELD"
        | "INVALID_FIELD_FOR_INSERT_UPDATE"
        | "INVALID_TYPE"
        | "MALFORMED_ID"
        | "NOT_FOUND"
        | "ENTITY_IS_DELETED"
        | "DUPLICATE_VALUE"
        | "DUPLICATE_EXTERNAL_ID"
        | "DUPLICATES_DETECTED"
        | "CANNOT_UPDATE_CONVERTED_LEAD"
        | "INSUFFICIENT_ACCESS"
        | "INSUFFICIENT_ACCESS_OR_READONLY"
        | "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY"
        | "INVALID_CROSS_REFERENCE_KEY"
        | "INACTIVE_OWNER_OR_USER"
        | "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"
        | "CANNOT_EXECUTE_FLOW_TRIGGER"
        | "APEX_ERROR"
        | "JSON_PARSER_ERROR"
        | "OPERATION_TOO_LARGE"
        | "DELETE_FAILED"
        | "TXN_SECURITY_NO_ACCESS" => Class::Park,

        _ => return None,
    })
}
