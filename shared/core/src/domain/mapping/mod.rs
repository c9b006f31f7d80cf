//! The mapping engine: from what the platform knows to what Salesforce's fields hold, and back.

mod attribute;
pub mod codec;
pub mod compat;
mod field_type;
pub mod merge;
mod reason;
mod words;

pub use attribute::{Attribute, AttributeType, Labels, reload};
pub use field_type::{Family, FieldType};
pub use reason::Reason;
pub use words::Words;
