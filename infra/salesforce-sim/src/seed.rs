//! What an org is made of at the start, as plain data that YAML and JSON files can hold.
//!
//! Owns the shape of that data and the two ready-made orgs ([`Seed::demo`], [`Seed::conformance`]).
//! Knows nothing of how the org stores it.

mod apps;
mod fixtures;
mod rules;
mod schema;
mod timeline;

pub use apps::{AppSeed, Flows};
pub use rules::{AssignmentRule, DuplicateAction, DuplicateRule, Rewrite, RewriteKind, RuleSet, ValidationRule};
pub use schema::{CustomField, CustomFieldKind, CustomObject, FieldAccess, FieldRule, PicklistEntry, RecordTypeSeed, Who};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::doubts::Doubts;
use crate::error::ApiError;
use crate::org::Fields;

/// Everything an org holds when it starts.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Seed {
    /// The organisation itself.
    pub organization: OrganizationSeed,
    /// How the org answers where the real one's behaviour is open.
    pub doubts: Doubts,
    /// The people and the integration users. At least one is needed.
    pub users: Vec<UserSeed>,
    /// The queues that may own leads.
    pub queues: Vec<QueueSeed>,
    /// The OAuth applications.
    pub apps: Vec<AppSeed>,
    /// Objects of the org's own.
    pub custom_objects: Vec<CustomObject>,
    /// Fields added to the objects.
    pub custom_fields: Vec<CustomField>,
    /// Who may see and edit which field, where it differs from the field's own setting.
    pub field_security: Vec<FieldRule>,
    /// Record types beside the master record type.
    pub record_types: Vec<RecordTypeSeed>,
    /// Conditions under which a record is refused.
    pub validation_rules: Vec<ValidationRule>,
    /// What the org's own automation does to values before it stores them.
    pub rewrites: Vec<Rewrite>,
    /// When records count as duplicates.
    pub duplicate_rules: Vec<DuplicateRule>,
    /// Who gets new and changed records.
    pub assignment_rules: Vec<AssignmentRule>,
    /// Fields whose changes are kept in the object's history, as `Lead.Status`.
    pub tracked_fields: Vec<String>,
    /// Campaigns with the statuses of their members.
    pub campaigns: Vec<CampaignSeed>,
    /// Further records, made in this order by the first user with the rules switched off.
    pub records: Vec<RecordSeed>,
}

impl Default for Seed {
    fn default() -> Self {
        Self {
            organization: OrganizationSeed::default(),
            doubts: Doubts::default(),
            users: vec![UserSeed::default()],
            queues: Vec::new(),
            apps: Vec::new(),
            custom_objects: Vec::new(),
            custom_fields: Vec::new(),
            field_security: Vec::new(),
            record_types: Vec::new(),
            validation_rules: Vec::new(),
            rewrites: Vec::new(),
            duplicate_rules: Vec::new(),
            assignment_rules: Vec::new(),
            tracked_fields: Vec::new(),
            campaigns: Vec::new(),
            records: Vec::new(),
        }
    }
}

/// The organisation.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OrganizationSeed {
    /// Its name.
    pub name: String,
    /// A prefix-00D id of 15 or 18 characters; made when absent.
    pub id: Option<String>,
    /// For example `Enterprise Edition`.
    pub edition: String,
    /// Whether this is a sandbox: it then answers to the test login host.
    pub sandbox: bool,
    /// API calls in 24 hours before `REQUEST_LIMIT_EXCEEDED`.
    pub daily_api_limit: u64,
    /// Whether the edition has the API at all.
    pub api_enabled: bool,
    /// Whether Salesforce has suspended the org: nobody signs in, and sessions are refused.
    pub locked: bool,
    /// Whether creates fail with `STORAGE_LIMIT_EXCEEDED`.
    pub data_storage_full: bool,
    /// Whether person accounts are on.
    pub person_accounts: bool,
    /// The instant of the org's first records; the clock's time when absent.
    pub created: Option<Timestamp>,
}

impl Default for OrganizationSeed {
    fn default() -> Self {
        Self {
            name: "Simulated Org".to_owned(),
            id: None,
            edition: "Enterprise Edition".to_owned(),
            sandbox: false,
            daily_api_limit: 100_000,
            api_enabled: true,
            locked: false,
            data_storage_full: false,
            person_accounts: false,
            created: None,
        }
    }
}

/// A user.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UserSeed {
    /// Unique among all users.
    pub username: String,
    /// The password of the login page.
    pub password: String,
    /// The address.
    pub email: String,
    /// May be empty.
    pub first_name: String,
    /// Needed.
    pub last_name: String,
    /// Whether the user may log in and own records.
    pub active: bool,
    /// For example `fr_FR`.
    pub locale: String,
    /// For example `fr`: the language of error messages.
    pub language: String,
    /// An IANA name such as `Europe/Paris`: date literals are read in it.
    pub time_zone: String,
    /// The profile's name.
    pub profile: String,
    /// Names of the permission sets the user has.
    pub permission_sets: Vec<String>,
    /// What the user may do beyond plain reading and writing.
    pub permissions: Permissions,
    /// An 18- or 15-character id; made when absent.
    pub id: Option<String>,
}

impl Default for UserSeed {
    fn default() -> Self {
        Self {
            username: "admin@org.example".to_owned(),
            password: "password".to_owned(),
            email: "admin@org.example".to_owned(),
            first_name: "Ada".to_owned(),
            last_name: "Admin".to_owned(),
            active: true,
            locale: "en_US".to_owned(),
            language: "en_US".to_owned(),
            time_zone: "GMT".to_owned(),
            profile: "System Administrator".to_owned(),
            permission_sets: Vec::new(),
            permissions: Permissions::default(),
            id: None,
        }
    }
}

/// What a user may do beyond plain reading and writing of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Permissions {
    /// "API Enabled": without it every data call is refused.
    pub api_enabled: bool,
    /// "Modify All Data": without it a user changes only what the user or a queue owns.
    pub modify_all_data: bool,
    /// "View All Data".
    pub view_all_data: bool,
    /// "Marketing User": needed to make campaigns.
    pub marketing_user: bool,
    /// "Approve Uninstalled Connected Apps".
    pub approve_uninstalled_apps: bool,
    /// "View and Edit Converted Leads".
    pub edit_converted_leads: bool,
    /// "Customize Application": needed to make fields.
    pub customize_application: bool,
    /// "Set Audit Fields upon Record Creation".
    pub set_audit_fields: bool,
}

impl Default for Permissions {
    fn default() -> Self {
        Self {
            api_enabled: true,
            modify_all_data: true,
            view_all_data: true,
            marketing_user: true,
            approve_uninstalled_apps: true,
            edit_converted_leads: false,
            customize_application: true,
            set_audit_fields: false,
        }
    }
}

/// A queue: a Group that may own leads.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QueueSeed {
    /// The label.
    pub name: String,
    /// The API name.
    pub developer_name: String,
    /// An 18- or 15-character id; made when absent.
    #[serde(default)]
    pub id: Option<String>,
}

/// A campaign and the statuses its members may have.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CampaignSeed {
    /// Its fields; `Name` is needed.
    pub fields: Fields,
    /// Its member statuses; Salesforce's own two (`Sent`, `Responded`) when empty.
    #[serde(default)]
    pub statuses: Vec<MemberStatusSeed>,
    /// A name records' fields can refer to as `@name`.
    #[serde(default)]
    pub label: Option<String>,
}

/// A status that members of one campaign may have.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemberStatusSeed {
    /// What stands in `CampaignMember.Status`.
    pub label: String,
    /// Whether a new member without a status gets this one.
    #[serde(default)]
    pub is_default: bool,
    /// Whether a member with this status counts as responded.
    #[serde(default)]
    pub has_responded: bool,
}

/// One record.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordSeed {
    /// The object, for example `Lead`.
    pub sobject: String,
    /// Its fields. An `Id` is taken over; `@name` stands for the id of the record labelled so.
    pub fields: Fields,
    /// A name other records' fields can refer to as `@name`.
    #[serde(default)]
    pub label: Option<String>,
    /// The username of the maker; the first user when absent.
    #[serde(default)]
    pub by: Option<String>,
    /// Usernames of those who do not see it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hidden_from: Vec<String>,
}

/// Why a seed makes no org.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SeedError {
    /// There is nobody to own anything.
    #[error("the seed names no user")]
    NoUser,
    /// A name that nothing in the seed or the schema has.
    #[error("the seed refers to {what} {name:?}, which it does not define")]
    Unknown {
        /// The kind of thing.
        what: &'static str,
        /// The name used.
        name: String,
    },
    /// Text that cannot be read.
    #[error("the seed's {what} {text:?} cannot be read: {why}")]
    Invalid {
        /// Where it stands.
        what: &'static str,
        /// The text.
        text: String,
        /// What is wrong with it.
        why: String,
    },
    /// A record the org refuses.
    #[error("the org refuses the seed's {sobject} number {number}: {}", join(.errors))]
    Record {
        /// The object.
        sobject: String,
        /// The place in the seed's list, from 0.
        number: usize,
        /// The org's errors.
        errors: Vec<ApiError>,
    },
}

fn join(errors: &[ApiError]) -> String {
    let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
    texts.join("; ")
}
