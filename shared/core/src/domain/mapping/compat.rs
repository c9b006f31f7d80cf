//! Which types of attribute and of field go together, decided when a mapping is saved.

use super::{AttributeType, Family, FieldType, Words, codec::number};
use crate::domain::schema::Field;

/// How well an attribute and a field go together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compatibility {
    /// Every value has its form, and comes back as it went.
    Exact,
    /// Values are rewritten, or must have a certain form; one that has not is told apart when it comes.
    Convertible(How),
    /// Something of a value may be lost.
    Lossy(Loss),
    /// The mapping is refused.
    Impossible(Why),
}

/// What a conversion does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// Written as a text.
    AsText,
    /// Several values joined by semicolons.
    Joined,
    /// Read from a text.
    FromText,
    /// A text that must be one of the list's values.
    Listed,
    /// A day becomes its midnight in the connection's time zone.
    Midnight,
    /// True and false as 1 and 0, or in words.
    YesNo,
    /// The id of a record, or its external key.
    RecordId,
    /// A list of one.
    Single,
    /// Rounded to the digits behind the point that the field has.
    Rounded,
    /// Fractions of a second that Salesforce does not keep are left out.
    Seconds,
}

/// What may be lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// Texts that are longer than the field.
    Length,
    /// Digits behind the point.
    Digits,
    /// Numbers with a fraction, which the field does not take.
    Fraction,
    /// The time of day.
    TimeOfDay,
    /// Zeros at the beginning.
    LeadingZeros,
    /// All values but one.
    OtherValues,
}

/// Why two types do not go together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// Salesforce works the value out itself.
    Computed,
    /// The field cannot be written.
    ReadOnly,
    /// A field that is a view on others.
    Compound,
    /// A field of bytes.
    Binary,
    /// A field whose texts are encrypted.
    Encrypted,
    /// A file or a picture.
    File,
    /// No value of the one is a value of the other.
    Different,
    /// A type that is not known here.
    Unknown,
}

impl Compatibility {
    /// The decision in words; nothing where there is nothing to say.
    #[must_use]
    pub const fn words(self) -> Option<Words> {
        Some(match self {
            Self::Exact => return None,
            Self::Convertible(How::AsText) => Words::new("The value is written as a text.", "La valeur est écrite comme un texte."),
            Self::Convertible(How::Joined) => {
                Words::new("Several values are joined by semicolons.", "Plusieurs valeurs sont jointes par des points-virgules.")
            }
            Self::Convertible(How::FromText) => {
                Words::new("The text must have the field's form.", "Le texte doit avoir la forme attendue par le champ.")
            }
            Self::Convertible(How::Listed) => {
                Words::new("The text must be one of the list's values.", "Le texte doit être une des valeurs de la liste.")
            }
            Self::Convertible(How::Midnight) => {
                Words::new("A day becomes its midnight in the connection's time zone.", "Un jour devient son minuit, dans le fuseau de la connexion.")
            }
            Self::Convertible(How::YesNo) => {
                Words::new("Yes and no are written in the field's form.", "Oui et non sont écrits dans la forme du champ.")
            }
            Self::Convertible(How::RecordId) => {
                Words::new("The value must be the id of a Salesforce record.", "La valeur doit être l'identifiant d'une fiche Salesforce.")
            }
            Self::Convertible(How::Single) => Words::new("The value becomes a list of one.", "La valeur devient une liste d'un seul élément."),
            Self::Convertible(How::Rounded) => {
                Words::new("Digits behind the point that the field does not have are rounded.", "Les décimales que le champ n'a pas sont arrondies.")
            }
            Self::Convertible(How::Seconds) => Words::new(
                "Fractions of a second are left out: Salesforce keeps seconds, and of times of day milliseconds.",
                "Les fractions de seconde sont omises : Salesforce garde les secondes, et pour les heures les millisecondes.",
            ),
            Self::Lossy(Loss::Length) => Words::new("Values may be longer than the field.", "Des valeurs peuvent être plus longues que le champ."),
            Self::Lossy(Loss::Digits) => Words::new("Digits behind the point are rounded away.", "Des chiffres après la virgule sont arrondis."),
            Self::Lossy(Loss::Fraction) => Words::new("Numbers with a fraction do not fit.", "Les nombres à virgule ne conviennent pas."),
            Self::Lossy(Loss::TimeOfDay) => Words::new("The time of day is lost.", "L'heure est perdue."),
            Self::Lossy(Loss::LeadingZeros) => Words::new("Zeros at the beginning are lost.", "Les zéros du début sont perdus."),
            Self::Lossy(Loss::OtherValues) => {
                Words::new("Of several values none can be written.", "De plusieurs valeurs, aucune ne peut être écrite.")
            }
            Self::Impossible(Why::Computed) => Words::new(
                "Salesforce works this field out itself (formula, roll-up or automatic number); map another one.",
                "Salesforce calcule lui-même ce champ (formule, cumul ou numéro automatique) ; choisissez-en un autre.",
            ),
            Self::Impossible(Why::ReadOnly) => Words::new(
                "The integration user cannot write this field; give it the right, or map another one.",
                "L'utilisateur d'intégration ne peut pas écrire ce champ ; donnez-lui le droit, ou choisissez-en un autre.",
            ),
            Self::Impossible(Why::Compound) => Words::new(
                "This field is a view on others; map its parts, like MailingCity or Place__Latitude__s.",
                "Ce champ en réunit d'autres ; associez ses parties, par exemple MailingCity ou Place__Latitude__s.",
            ),
            Self::Impossible(Why::Binary) => Words::new("Files cannot be written into fields.", "Les fichiers ne s'écrivent pas dans un champ."),
            Self::Impossible(Why::Encrypted) => Words::new("Encrypted texts are not written.", "Les textes chiffrés ne sont pas écrits."),
            Self::Impossible(Why::File) => Words::new(
                "Files and pictures are not sent; map the address where they can be seen.",
                "Les fichiers et les images ne sont pas envoyés ; associez l'adresse où les voir.",
            ),
            Self::Impossible(Why::Different) => Words::new(
                "No value of this attribute fits this type of field; change it by a transformation, or map another field.",
                "Aucune valeur de cet attribut ne convient à ce type de champ ; transformez-la, ou choisissez un autre champ.",
            ),
            Self::Impossible(Why::Unknown) => {
                Words::new("Passerelle does not know this type of field.", "Passerelle ne connaît pas ce type de champ.")
            }
        })
    }
}

/// Whether values of the attribute can be written into the field.
#[must_use]
pub fn to_salesforce(from: AttributeType, field: &Field) -> Compatibility {
    use AttributeType as A;
    use Compatibility::{Convertible, Exact, Impossible, Lossy};
    if let Some(why) = closed(field) {
        return Impossible(why);
    }
    if matches!(from, A::File | A::Picture) {
        return Impossible(Why::File);
    }
    match (field.kind.family(), from) {
        (Family::Text, _) => to_text(from, field),
        (Family::Choice, A::Select) => Exact,
        (Family::Choice, A::Text | A::LongText) => Convertible(How::Listed),
        (Family::Choice, A::Integer | A::Number | A::Boolean) => Convertible(How::AsText),
        (Family::Choice, A::MultiSelect) => Lossy(Loss::OtherValues),
        (Family::Choices, A::MultiSelect) => Exact,
        (Family::Choices, A::Select) => Convertible(How::Single),
        (Family::Choices, A::Text | A::LongText) => Convertible(How::Listed),
        (Family::Boolean, A::Boolean) => Exact,
        (Family::Boolean, A::Text | A::Select | A::Integer) => Convertible(How::YesNo),
        (Family::Whole | Family::Number, A::Integer) => Exact,
        (Family::Whole, A::Number) => Lossy(Loss::Fraction),
        // No field has more digits than 18, so the last scale leaves nothing to round; at the first, all that is behind the point goes.
        (Family::Number, A::Number) if field.scale == 0 => Lossy(Loss::Digits),
        (Family::Number, A::Number) if field.scale < number::DIGITS => Convertible(How::Rounded),
        (Family::Number, A::Number) => Exact,
        (Family::Whole | Family::Number, A::Text | A::Select) => Convertible(How::FromText),
        (Family::Date, A::Date) => Exact,
        (Family::DateTime, A::Datetime) | (Family::Time, A::Time) => Convertible(How::Seconds),
        (Family::Date, A::Datetime) => Lossy(Loss::TimeOfDay),
        (Family::DateTime, A::Date) => Convertible(How::Midnight),
        (Family::Date | Family::DateTime | Family::Time, A::Text) => Convertible(How::FromText),
        (Family::Record, A::Text | A::Select) => Convertible(How::RecordId),
        _ => Impossible(Why::Different),
    }
}

/// Texts take everything; e-mail, phone and web fields take what can be such.
fn to_text(from: AttributeType, field: &Field) -> Compatibility {
    use AttributeType as A;
    use Compatibility::{Convertible, Exact, Impossible, Lossy};
    match (&field.kind, from) {
        (FieldType::Email, A::Email) | (FieldType::Phone, A::Phone) | (FieldType::Url, A::Url) => Exact,
        (FieldType::Phone, A::Integer) => Lossy(Loss::LeadingZeros),
        (FieldType::Email | FieldType::Phone | FieldType::Url, A::Text | A::Select) => Convertible(How::FromText),
        (FieldType::Email | FieldType::Phone | FieldType::Url, _) => Impossible(Why::Different),
        // A text area of the length of a line is one line too.
        (_, A::LongText) if field.length <= 255 => Lossy(Loss::Length),
        (_, A::Text | A::LongText | A::Email | A::Phone | A::Url | A::Select) => Exact,
        (_, A::MultiSelect) => Convertible(How::Joined),
        _ => Convertible(How::AsText),
    }
}

/// Whether values of the field can be taken over by the attribute.
#[must_use]
pub fn to_platform(field: &Field, to: AttributeType) -> Compatibility {
    use AttributeType as A;
    use Compatibility::{Convertible, Exact, Impossible, Lossy};
    match &field.kind {
        FieldType::Address | FieldType::Location => return Impossible(Why::Compound),
        FieldType::Base64 => return Impossible(Why::Binary),
        FieldType::EncryptedString => return Impossible(Why::Encrypted),
        FieldType::Other(_) => return Impossible(Why::Unknown),
        _ if matches!(to, A::File | A::Picture) => return Impossible(Why::File),
        _ => {}
    }
    match (field.kind.family(), to) {
        (Family::Text, A::Text) if field.kind == FieldType::TextArea => Lossy(Loss::Length),
        (Family::Text, A::Text | A::LongText | A::Select) | (Family::Choice, A::Text | A::LongText | A::Select) => Exact,
        (Family::Text, A::Email | A::Phone | A::Url) => match (&field.kind, to) {
            (FieldType::Email, A::Email) | (FieldType::Phone, A::Phone) | (FieldType::Url, A::Url) => Exact,
            (FieldType::String | FieldType::TextArea | FieldType::Combobox, _) => Convertible(How::FromText),
            _ => Impossible(Why::Different),
        },
        (Family::Text, A::MultiSelect) | (Family::Choice, A::MultiSelect) => Convertible(How::Single),
        (Family::Text | Family::Choice, _) => Convertible(How::FromText),
        (Family::Choices, A::MultiSelect) => Exact,
        (Family::Choices, A::Text | A::LongText | A::Select) => Convertible(How::Joined),
        (Family::Boolean, A::Boolean) => Exact,
        (Family::Whole, A::Integer | A::Number) | (Family::Number, A::Number) => Exact,
        (Family::Number, A::Integer) if field.scale == 0 => Exact,
        (Family::Number, A::Integer) => Lossy(Loss::Fraction),
        (Family::Date, A::Date) | (Family::DateTime, A::Datetime) | (Family::Time, A::Time) => Exact,
        (Family::Date, A::Datetime) => Convertible(How::Midnight),
        (Family::DateTime, A::Date) => Lossy(Loss::TimeOfDay),
        (_, A::Text | A::LongText) => Convertible(How::AsText),
        _ => Impossible(Why::Different),
    }
}

/// Why nothing at all can be written into the field.
pub(super) fn closed(field: &Field) -> Option<Why> {
    match &field.kind {
        FieldType::Address | FieldType::Location => Some(Why::Compound),
        FieldType::Base64 => Some(Why::Binary),
        FieldType::EncryptedString => Some(Why::Encrypted),
        FieldType::Other(_) => Some(Why::Unknown),
        _ if field.computed => Some(Why::Computed),
        _ if !field.createable && !field.updateable => Some(Why::ReadOnly),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Compatibility::{Convertible, Exact, Impossible, Lossy};

    fn field(kind: FieldType) -> Field {
        let length = if kind == FieldType::TextArea { 32_000 } else { 255 };
        Field { kind, length, precision: 18, scale: 2, createable: true, updateable: true, nillable: true, ..Field::default() }
    }

    /// inwink's own table of what goes into what, and what inwink refuses and is served here.
    #[test]
    fn inwinks_table() {
        use AttributeType as A;
        use FieldType as F;
        for (from, to, want) in [
            (A::Text, F::String, Exact),
            (A::Number, F::Double, Convertible(How::Rounded)),
            (A::Select, F::String, Exact),
            (A::MultiSelect, F::String, Convertible(How::Joined)),
            (A::Date, F::Date, Exact),
            (A::Date, F::DateTime, Convertible(How::Midnight)),
            (A::Boolean, F::Boolean, Exact),
            // Refused by inwink.
            (A::Email, F::Email, Exact),
            (A::Phone, F::Phone, Exact),
            (A::Select, F::Picklist, Exact),
            (A::MultiSelect, F::MultiPicklist, Exact),
            (A::Number, F::Currency, Convertible(How::Rounded)),
            (A::Number, F::Percent, Convertible(How::Rounded)),
            (A::Url, F::Url, Exact),
            (A::LongText, F::TextArea, Exact),
            (A::LongText, F::String, Lossy(Loss::Length)),
            (A::Datetime, F::DateTime, Convertible(How::Seconds)),
            (A::Time, F::Time, Convertible(How::Seconds)),
            (A::Text, F::Reference, Convertible(How::RecordId)),
            (A::File, F::String, Impossible(Why::File)),
            (A::Picture, F::Url, Impossible(Why::File)),
            (A::Text, F::EncryptedString, Impossible(Why::Encrypted)),
            (A::Text, F::Address, Impossible(Why::Compound)),
            (A::Text, F::Location, Impossible(Why::Compound)),
            (A::File, F::Base64, Impossible(Why::Binary)),
            (A::Date, F::Boolean, Impossible(Why::Different)),
            (A::Text, F::from("hologram"), Impossible(Why::Unknown)),
        ] {
            assert_eq!(to_salesforce(from, &field(to.clone())), want, "{from:?} → {to:?}");
        }
    }

    /// What becomes of a number depends on the field's digits behind the point, both ways.
    #[test]
    fn numbers_go_by_the_scale_of_the_field() {
        use AttributeType as A;
        for (scale, there, back) in [
            (0, Lossy(Loss::Digits), Exact),
            (1, Convertible(How::Rounded), Lossy(Loss::Fraction)),
            (17, Convertible(How::Rounded), Lossy(Loss::Fraction)),
            (18, Exact, Lossy(Loss::Fraction)),
        ] {
            for kind in [FieldType::Double, FieldType::Currency, FieldType::Percent] {
                let field = Field { scale, ..field(kind) };
                assert_eq!(to_salesforce(A::Number, &field), there, "{scale} {:?}", field.kind);
                assert_eq!(to_platform(&field, A::Integer), back, "{scale} {:?}", field.kind);
                assert_eq!((to_salesforce(A::Integer, &field), to_platform(&field, A::Number)), (Exact, Exact));
            }
        }
        assert_eq!(to_salesforce(A::Number, &field(FieldType::Int)), Lossy(Loss::Fraction));
    }

    #[test]
    fn values_of_fields_for_the_platform() {
        use AttributeType as A;
        use FieldType as F;
        for (from, to, want) in [
            (F::String, A::Text, Exact),
            (F::String, A::Email, Convertible(How::FromText)),
            (F::String, A::Boolean, Convertible(How::FromText)),
            (F::Email, A::Email, Exact),
            (F::Email, A::Phone, Impossible(Why::Different)),
            (F::TextArea, A::Text, Lossy(Loss::Length)),
            (F::TextArea, A::LongText, Exact),
            (F::Picklist, A::Select, Exact),
            (F::Picklist, A::MultiSelect, Convertible(How::Single)),
            (F::MultiPicklist, A::MultiSelect, Exact),
            (F::MultiPicklist, A::Text, Convertible(How::Joined)),
            (F::Boolean, A::Boolean, Exact),
            (F::Boolean, A::Text, Convertible(How::AsText)),
            (F::Boolean, A::Date, Impossible(Why::Different)),
            (F::Int, A::Number, Exact),
            (F::Currency, A::Integer, Lossy(Loss::Fraction)),
            (F::Date, A::Date, Exact),
            (F::Date, A::Datetime, Convertible(How::Midnight)),
            (F::DateTime, A::Date, Lossy(Loss::TimeOfDay)),
            (F::DateTime, A::Datetime, Exact),
            (F::Time, A::Time, Exact),
            (F::Reference, A::Text, Convertible(How::AsText)),
            (F::Id, A::Text, Convertible(How::AsText)),
            (F::String, A::Picture, Impossible(Why::File)),
            (F::Address, A::Text, Impossible(Why::Compound)),
            (F::Location, A::Number, Impossible(Why::Compound)),
            (F::Base64, A::Text, Impossible(Why::Binary)),
            (F::EncryptedString, A::Text, Impossible(Why::Encrypted)),
            (F::from("hologram"), A::Text, Impossible(Why::Unknown)),
        ] {
            assert_eq!(to_platform(&field(from.clone()), to), want, "{from:?} → {to:?}");
        }
    }

    #[test]
    fn fields_that_salesforce_works_out_are_read_only() {
        let formula = Field { computed: true, createable: false, updateable: false, ..field(FieldType::Double) };
        let hidden = Field { createable: false, updateable: false, ..field(FieldType::String) };
        assert_eq!(to_salesforce(AttributeType::Number, &formula), Impossible(Why::Computed));
        assert_eq!(to_salesforce(AttributeType::Text, &hidden), Impossible(Why::ReadOnly));
        assert_eq!(to_platform(&formula, AttributeType::Number), Exact);
    }

    /// What the table promises, the codec keeps: an exact pair never fails for its types, an impossible one always does.
    #[test]
    fn the_table_and_the_codec_agree() {
        use AttributeType as A;
        use serde_json::json;
        let zone = jiff::tz::TimeZone::UTC;
        let samples = |kind: A| match kind {
            A::Text | A::LongText | A::Select => {
                vec![json!("Hot"), json!("12"), json!("true"), json!("2026-01-01"), json!("005B0000005Bk90IAC"), json!("10:00:00")]
            }
            A::Email => vec![json!("a@b.fr")],
            A::Phone => vec![json!("+33612345678")],
            A::Url => vec![json!("https://a.fr")],
            A::Integer => vec![json!(1)],
            A::Number => vec![json!(1.5)],
            A::Boolean => vec![json!(true)],
            A::Date => vec![json!("2026-01-01")],
            A::Datetime => vec![json!("2026-01-01T10:00:00Z")],
            A::Time => vec![json!("10:00:00")],
            A::MultiSelect => vec![json!(["a", "b"]), json!(["a"])],
            A::File | A::Picture => vec![json!("x.png")],
        };
        for kind in FieldType::all() {
            let field = field(kind.clone());
            for from in A::ALL {
                let works = samples(from).iter().filter(|value| super::super::codec::encode(value, Some(from), &field, &zone).is_ok()).count();
                match to_salesforce(from, &field) {
                    Exact => assert_eq!(works, samples(from).len(), "{from:?} → {kind:?}"),
                    Convertible(_) => assert!(works > 0, "{from:?} → {kind:?}"),
                    Lossy(_) => {}
                    Impossible(Why::Different) => {}
                    Impossible(_) => assert_eq!(works, 0, "{from:?} → {kind:?}"),
                }
            }
        }
    }
}
