//! Custom fields, record types and field-level security as seed data.

use serde::{Deserialize, Serialize};

/// An object of the org's own. Its fields are custom fields like those of the standard objects.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CustomObject {
    /// The API name, ending in `__c`.
    pub name: String,
    /// The label; the API name without `__c` when empty.
    pub label: String,
    /// The label of several; the label when empty.
    pub label_plural: String,
    /// What its ids begin with: `a` and two more letters or digits; made when absent.
    pub prefix: Option<String>,
}

/// A field added to an object.
///
/// Fields of `Activity` appear on Event and Task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CustomField {
    /// The object: `Lead`, `Contact`, `Activity` and so on, or a custom one.
    pub sobject: String,
    /// The API name, ending in `__c`.
    pub name: String,
    /// The label; the API name without `__c` when empty.
    pub label: String,
    /// Its type with the type's own settings.
    pub kind: CustomFieldKind,
    /// Whether a record needs a value.
    pub required: bool,
    /// Whether the field is an external id.
    pub external_id: bool,
    /// Whether two records may not have the same value.
    pub unique: bool,
    /// Whether uniqueness and look-ups tell upper from lower case.
    pub case_sensitive: bool,
    /// The value of a new record that brings none.
    pub default: Option<serde_json::Value>,
    /// What everybody may do with the field.
    pub access: FieldAccess,
    /// The help text.
    pub help: Option<String>,
    /// A prefix-00N id of 15 or 18 characters; made when absent.
    pub id: Option<String>,
}

impl Default for CustomField {
    fn default() -> Self {
        Self {
            sobject: String::new(),
            name: String::new(),
            label: String::new(),
            kind: CustomFieldKind::Text { length: 255 },
            required: false,
            external_id: false,
            unique: false,
            case_sensitive: false,
            default: None,
            access: FieldAccess::Edit,
            help: None,
            id: None,
        }
    }
}

/// The type of a custom field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum CustomFieldKind {
    /// One line, up to 255 characters.
    Text {
        /// Characters.
        length: u32,
    },
    /// A number with `precision` digits before and `scale` digits behind the point.
    Number {
        /// Digits before the point plus digits behind it, at most 18.
        precision: u8,
        /// Digits behind the point.
        scale: u8,
    },
    /// An amount of money.
    Currency {
        /// Digits in all.
        precision: u8,
        /// Digits behind the point.
        scale: u8,
    },
    /// Per cent.
    Percent {
        /// Digits in all.
        precision: u8,
        /// Digits behind the point.
        scale: u8,
    },
    /// True or false.
    Checkbox,
    /// A day.
    Date,
    /// An instant.
    DateTime,
    /// A time of day.
    Time,
    /// A place on the earth: beside the field itself, which is read only, its latitude and its longitude.
    Location {
        /// Digits behind the point, at most 15.
        scale: u8,
    },
    /// One of a list.
    Picklist {
        /// The values.
        values: Vec<PicklistEntry>,
        /// Whether other values are refused.
        restricted: bool,
    },
    /// Several of a list.
    MultiselectPicklist {
        /// The values.
        values: Vec<PicklistEntry>,
        /// Whether other values are refused.
        restricted: bool,
    },
    /// Several lines, up to 255 characters.
    TextArea,
    /// Several lines, not filterable.
    LongTextArea {
        /// Characters, 256 to 131,072.
        length: u32,
    },
    /// A web address.
    Url,
    /// An e-mail address.
    Email,
    /// A telephone number.
    Phone,
    /// The id of another record.
    Lookup {
        /// The object referred to.
        to: String,
        /// The name of the way back in sub-queries, without `__r`.
        #[serde(default)]
        relationship: Option<String>,
    },
}

/// A value of a picklist: the text alone, or with its settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum PicklistEntry {
    /// Value and label are the same, the value is active.
    Text(String),
    /// A value with its settings.
    Full {
        /// What is stored.
        value: String,
        /// What people see.
        label: String,
        /// Whether it can still be chosen.
        #[serde(default = "yes")]
        active: bool,
        /// Whether a new record gets it.
        #[serde(default)]
        default: bool,
    },
}

const fn yes() -> bool {
    true
}

/// What somebody may do with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldAccess {
    /// The field does not exist for the user.
    Hidden,
    /// The user sees it.
    ReadOnly,
    /// The user sees and changes it.
    Edit,
}

/// A piece of field-level security.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FieldRule {
    /// The object.
    pub sobject: String,
    /// The field.
    pub field: String,
    /// For whom.
    pub who: Who,
    /// What they may do. A permission set only ever adds rights.
    pub access: FieldAccess,
}

/// For whom a rule holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Who {
    /// Every user.
    Everyone,
    /// The users with this profile.
    Profile(String),
    /// The user with this username.
    User(String),
    /// The users with this permission set.
    PermissionSet(String),
}

/// A record type beside the master record type.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordTypeSeed {
    /// The object.
    pub sobject: String,
    /// The API name.
    pub developer_name: String,
    /// The label.
    pub name: String,
    /// A prefix-012 id of 15 or 18 characters; made when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Whether new records get it.
    #[serde(default)]
    pub default: bool,
    /// Whether it can still be chosen.
    #[serde(default = "yes")]
    pub active: bool,
}
