//! The mapping engine: from what the platform knows to what Salesforce's fields hold, and back.

use super::words::Words;

mod attribute;
mod check;
pub mod codec;
pub mod compat;
mod field_type;
mod fields;
mod inventory;
pub mod merge;
pub mod preflight;
mod reason;
mod rule;
pub mod transform;

pub use attribute::{Attribute, AttributeType, Labels, reload};
pub use check::{Finding, Severity, check_rules};
pub use codec::CodecError;
pub use field_type::{Family, FieldType};
pub use fields::{FieldMap, FieldMaps, OWNER, Scene, UNSUBSCRIBED, relationship};
pub use inventory::{parse_inventory, take_over};
pub use reason::Reason;
pub use rule::{By, Effective, OPT_OUT, Rule, Source};
