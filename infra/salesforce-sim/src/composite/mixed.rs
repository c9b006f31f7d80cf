//! Records of setup and of other objects do not go together in one call.
//!
//! Source: REST API Developer Guide, "sObject Collections"; Apex Developer Guide, "sObjects That Cannot Be Used Together in
//! DML Operations", also for the code and the text. Whether all records are refused or those of the second kind is open.

use crate::doubts::MixedSetupObjects;
use crate::error::ApiError;
use crate::http::context::Context;
use crate::http::reply::Failure;

/// The setup objects among those of the org.
const SETUP: &[&str] =
    &["FieldPermissions", "Group", "ObjectPermissions", "Organization", "PermissionSet", "PermissionSetAssignment", "Profile", "RecordType", "User"];

fn is_setup(sobject: &str) -> bool {
    SETUP.iter().any(|own| own.eq_ignore_ascii_case(sobject))
}

/// For each record, by its object, the error that keeps it out of the call.
///
/// # Errors
/// The error of the whole call, where the org refuses that.
pub fn refusals<'a>(context: &Context<'_>, objects: impl Iterator<Item = &'a str>) -> Result<Vec<Option<ApiError>>, Failure> {
    let mut first = None;
    let mut all = Vec::new();
    for object in objects {
        let first = *first.get_or_insert(object);
        let error = (is_setup(first) != is_setup(object)).then(|| {
            let text = format!(
                "DML operation on setup object is not permitted after you have updated a non-setup object (or vice versa): {object}, original object: {first}"
            );
            ApiError::new(400, "MIXED_DML_OPERATION", text)
        });
        match error {
            Some(error) if context.world.org.doubts().mixed_setup_objects == MixedSetupObjects::RefuseCall => return Err(error.into()),
            error => all.push(error.map(|error| error.about::<_, String>([]))),
        }
    }
    Ok(all)
}
