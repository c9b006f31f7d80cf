//! One field of an object: its type, its measures and its flags.

use std::sync::Arc;

use crate::seed::FieldAccess;

/// The type of a field, as the describe document names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FieldType {
    /// `string`
    String,
    /// `picklist`
    Picklist,
    /// `multipicklist`
    MultiPicklist,
    /// `combobox`
    Combobox,
    /// `textarea`; longer than 255 characters it cannot be filtered.
    TextArea,
    /// `boolean`
    Boolean,
    /// `int`
    Int,
    /// `double`
    Double,
    /// `currency`
    Currency,
    /// `percent`
    Percent,
    /// `date`
    Date,
    /// `datetime`
    DateTime,
    /// `time`
    Time,
    /// `email`
    Email,
    /// `phone`
    Phone,
    /// `url`
    Url,
    /// `id`
    Id,
    /// `reference`
    Reference,
    /// `address`: a view on other fields.
    Address,
    /// `location`: a view on a latitude and a longitude.
    Location,
    /// `anyType`
    Any,
}

/// Every type with its name and the type of its SOAP form.
const TYPES: &[(FieldType, &str, &str)] = &[
    (FieldType::String, "string", "xsd:string"),
    (FieldType::Picklist, "picklist", "xsd:string"),
    (FieldType::MultiPicklist, "multipicklist", "xsd:string"),
    (FieldType::Combobox, "combobox", "xsd:string"),
    (FieldType::TextArea, "textarea", "xsd:string"),
    (FieldType::Boolean, "boolean", "xsd:boolean"),
    (FieldType::Int, "int", "xsd:int"),
    (FieldType::Double, "double", "xsd:double"),
    (FieldType::Currency, "currency", "xsd:double"),
    (FieldType::Percent, "percent", "xsd:double"),
    (FieldType::Date, "date", "xsd:date"),
    (FieldType::DateTime, "datetime", "xsd:dateTime"),
    (FieldType::Time, "time", "xsd:time"),
    (FieldType::Email, "email", "xsd:string"),
    (FieldType::Phone, "phone", "xsd:string"),
    (FieldType::Url, "url", "xsd:string"),
    (FieldType::Id, "id", "tns:ID"),
    (FieldType::Reference, "reference", "tns:ID"),
    (FieldType::Address, "address", "urn:address"),
    (FieldType::Location, "location", "urn:location"),
    (FieldType::Any, "anyType", "xsd:anyType"),
];

impl FieldType {
    /// The type with this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        TYPES.iter().find(|(_, own, _)| *own == name).map(|(kind, ..)| *kind)
    }

    /// The name in the describe document.
    #[must_use]
    pub fn name(self) -> &'static str {
        TYPES.iter().find(|(kind, ..)| *kind == self).map_or("string", |(_, name, _)| name)
    }

    /// The type of the SOAP form.
    #[must_use]
    pub fn soap(self) -> &'static str {
        TYPES.iter().find(|(kind, ..)| *kind == self).map_or("xsd:string", |(.., soap)| soap)
    }

    /// Whether values are texts.
    #[must_use]
    pub const fn is_text(self) -> bool {
        matches!(self, Self::String | Self::Picklist | Self::MultiPicklist | Self::Combobox | Self::TextArea | Self::Email | Self::Phone | Self::Url)
    }

    /// Whether values are numbers.
    #[must_use]
    pub const fn is_number(self) -> bool {
        matches!(self, Self::Int | Self::Double | Self::Currency | Self::Percent)
    }
}

/// A set of a field's yes-or-no attributes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flag(u32);

impl Flag {
    /// `createable`
    pub const CREATE: Self = Self(1);
    /// `updateable`
    pub const UPDATE: Self = Self(1 << 1);
    /// `nillable`
    pub const NIL: Self = Self(1 << 2);
    /// `defaultedOnCreate`
    pub const DEFAULTED: Self = Self(1 << 3);
    /// `filterable`
    pub const FILTER: Self = Self(1 << 4);
    /// `groupable`
    pub const GROUP: Self = Self(1 << 5);
    /// `sortable`
    pub const SORT: Self = Self(1 << 6);
    /// `aggregatable`
    pub const AGGREGATE: Self = Self(1 << 7);
    /// `idLookup`
    pub const LOOKUP: Self = Self(1 << 8);
    /// `restrictedPicklist`
    pub const RESTRICTED: Self = Self(1 << 9);
    /// `permissionable`
    pub const PERMISSION: Self = Self(1 << 10);
    /// `nameField`
    pub const NAME: Self = Self(1 << 11);
    /// `namePointing`
    pub const POINTING: Self = Self(1 << 12);
    /// `polymorphicForeignKey`
    pub const POLYMORPHIC: Self = Self(1 << 13);
    /// `queryByDistance`
    pub const DISTANCE: Self = Self(1 << 14);
    /// `searchPrefilterable`
    pub const PREFILTER: Self = Self(1 << 15);
    /// `unique`
    pub const UNIQUE: Self = Self(1 << 16);
    /// `externalId`
    pub const EXTERNAL: Self = Self(1 << 17);
    /// `caseSensitive`
    pub const CASE: Self = Self(1 << 18);

    /// Each flag with its letter in the schema text and its key in the describe document.
    pub(super) const NAMES: &'static [(char, Self, &'static str)] = &[
        ('C', Self::CREATE, "createable"),
        ('U', Self::UPDATE, "updateable"),
        ('N', Self::NIL, "nillable"),
        ('D', Self::DEFAULTED, "defaultedOnCreate"),
        ('F', Self::FILTER, "filterable"),
        ('G', Self::GROUP, "groupable"),
        ('S', Self::SORT, "sortable"),
        ('A', Self::AGGREGATE, "aggregatable"),
        ('I', Self::LOOKUP, "idLookup"),
        ('R', Self::RESTRICTED, "restrictedPicklist"),
        ('P', Self::PERMISSION, "permissionable"),
        ('n', Self::NAME, "nameField"),
        ('m', Self::POINTING, "namePointing"),
        ('y', Self::POLYMORPHIC, "polymorphicForeignKey"),
        ('q', Self::DISTANCE, "queryByDistance"),
        ('s', Self::PREFILTER, "searchPrefilterable"),
        ('u', Self::UNIQUE, "unique"),
        ('e', Self::EXTERNAL, "externalId"),
        ('a', Self::CASE, "caseSensitive"),
    ];

    /// Both sets together.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The flags of the letters in the schema text.
    pub(super) fn parse(letters: &str) -> Option<Self> {
        letters.chars().try_fold(Self::default(), |set, letter| {
            let (_, flag, _) = Self::NAMES.iter().find(|(own, ..)| *own == letter)?;
            Some(set.and(*flag))
        })
    }
}

/// One value of a picklist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PicklistValue {
    /// What is stored.
    pub value: Box<str>,
    /// What people see.
    pub label: Box<str>,
    /// Whether it can be chosen.
    pub active: bool,
    /// Whether a new record gets it.
    pub default: bool,
}

/// What a reference is called from the side of the record it points to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChildLink {
    /// The name for sub-queries; some links have none.
    pub name: Option<Box<str>>,
    /// Whether deleting the parent deletes the child.
    pub cascade: bool,
    /// Whether a parent with children cannot be deleted.
    pub restrict: bool,
}

/// One field.
#[derive(Clone, Debug)]
pub struct FieldDef {
    /// The API name.
    pub name: Arc<str>,
    /// The label.
    pub label: Box<str>,
    /// The type.
    pub kind: FieldType,
    /// Characters of a text; 0 for other types.
    pub length: u32,
    /// Digits of a number in all.
    pub precision: u8,
    /// Digits behind the point.
    pub scale: u8,
    /// Digits of an `int`.
    pub digits: u8,
    /// The compound field this is a part of.
    pub compound: Option<Box<str>>,
    /// `extraTypeInfo`
    pub extra: Option<Box<str>>,
    /// The objects a reference may point to.
    pub reference_to: Vec<Box<str>>,
    /// The name of the way to the referred record.
    pub relationship: Option<Arc<str>>,
    /// The way back.
    pub child: ChildLink,
    /// The values of a picklist or a combobox.
    pub picklist: Vec<PicklistValue>,
    /// The value of a new record, other than that of a picklist.
    pub default: Option<serde_json::Value>,
    /// Whether the org's own people made the field.
    pub custom: bool,
    /// The help text.
    pub help: Option<Box<str>>,
    /// What everybody may do with the field, unless field-level security says otherwise.
    pub access: FieldAccess,
    /// Whether the field was deleted. Its place stays, since places never change.
    pub gone: bool,
    pub(super) flags: Flag,
}

impl FieldDef {
    /// Whether all of these flags are set.
    #[must_use]
    pub const fn has(&self, flags: Flag) -> bool {
        self.flags.0 & flags.0 == flags.0
    }

    /// Sets flags.
    pub fn set(&mut self, flags: Flag) {
        self.flags = self.flags.and(flags);
    }

    /// Whether a create needs a value for the field.
    #[must_use]
    pub fn is_required(&self) -> bool {
        self.has(Flag::CREATE) && !self.has(Flag::NIL) && !self.has(Flag::DEFAULTED)
    }

    /// Whether records can be found by this field as a key of their own.
    #[must_use]
    pub fn is_key(&self) -> bool {
        self.has(Flag::EXTERNAL) || self.has(Flag::LOOKUP)
    }

    /// Whether the field belongs to no column of its own.
    #[must_use]
    pub fn is_compound(&self) -> bool {
        matches!(self.kind, FieldType::Address | FieldType::Location)
    }

    /// How far from zero the number may be, where it is half of a place on the earth.
    ///
    /// Source: Salesforce help, "Geolocation Custom Field".
    #[must_use]
    pub fn coordinate_limit(&self) -> Option<i64> {
        self.compound.as_ref()?;
        let is = |half: &str| self.kind == FieldType::Double && self.name.trim_end_matches("__s").ends_with(half);
        if is("Latitude") { Some(90) } else { is("Longitude").then_some(180) }
    }

    /// The default value of the picklist.
    #[must_use]
    pub fn default_choice(&self) -> Option<&str> {
        self.picklist.iter().find(|choice| choice.default).map(|choice| &*choice.value)
    }
}
