//! The mapping engine: from what the platform knows to what Salesforce's fields hold, and back.

mod attribute;
pub mod codec;
mod field_type;
mod words;

pub use attribute::{Attribute, AttributeType, Labels, reload};
pub use field_type::{Family, FieldType};
pub use words::Words;
