//! Why a field's value is what it is: as data, and in words for people.

use serde::{Deserialize, Serialize};

use super::Words;

/// The rule that decided about one field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// A new record takes what the platform knows.
    NewRecord,
    /// Both sides have the same value.
    Same,
    /// Neither side has changed since they were last compared.
    Unchanged,
    /// Only the platform has changed.
    PlatformChanged,
    /// Only Salesforce has changed.
    SalesforceChanged,
    /// The platform's value always stands.
    PlatformWins,
    /// Salesforce's value always stands.
    SalesforceWins,
    /// The platform's statement is the later one.
    PlatformIsLater,
    /// Salesforce's statement is the later one.
    SalesforceIsLater,
    /// Both have changed and nothing tells which came later: Salesforce's stays.
    Undecided,
    /// One side had no value.
    BlankFilled,
    /// Both sides have a value, and only blanks are filled.
    BothFilled,
    /// The platform says nothing.
    PlatformBlank,
    /// The value was taken away on the platform, and the rule passes that on.
    PlatformCleared,
    /// The value was taken away in Salesforce, and the rule passes that on.
    SalesforceCleared,
    /// This value was sent before, and the platform has not changed it since.
    SentBefore,
    /// The org has changed what it was sent twice running, and the platform has not changed its value since.
    OrgRewrites,
    /// The other side's value stands, and the rule's direction does not let it through.
    DirectionForbids,
    /// Somebody asked not to be contacted, and nothing tells that they changed their mind since.
    OptOutWins,
    /// A value that the configuration sets.
    Fixed,
    /// The value did not fit and was shortened.
    Truncated,
    /// The value did not fit and the rule's own was taken.
    Replaced,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 22] = [
        Self::NewRecord,
        Self::Same,
        Self::Unchanged,
        Self::PlatformChanged,
        Self::SalesforceChanged,
        Self::PlatformWins,
        Self::SalesforceWins,
        Self::PlatformIsLater,
        Self::SalesforceIsLater,
        Self::Undecided,
        Self::BlankFilled,
        Self::BothFilled,
        Self::PlatformBlank,
        Self::PlatformCleared,
        Self::SalesforceCleared,
        Self::SentBefore,
        Self::OrgRewrites,
        Self::DirectionForbids,
        Self::OptOutWins,
        Self::Fixed,
        Self::Truncated,
        Self::Replaced,
    ];

    /// Whether a field was left alone although the sides differ: what is worth telling of a field that was not written.
    #[must_use]
    pub const fn leaves_a_difference(self) -> bool {
        matches!(
            self,
            Self::SalesforceWins
                | Self::SalesforceChanged
                | Self::SalesforceIsLater
                | Self::SalesforceCleared
                | Self::Undecided
                | Self::BothFilled
                | Self::OrgRewrites
                | Self::DirectionForbids
                | Self::OptOutWins
        )
    }

    /// The reason in words, for `plan` and `why`.
    #[must_use]
    pub const fn words(self) -> Words {
        match self {
            Self::NewRecord => Words::new("A new record takes what the platform knows.", "Une nouvelle fiche reprend ce que la plateforme connaît."),
            Self::Same => Words::new("Both sides have the same value.", "Les deux côtés ont la même valeur."),
            Self::Unchanged => Words::new(
                "Neither side has changed since they were last compared.",
                "Aucun des deux côtés n'a changé depuis la dernière comparaison.",
            ),
            Self::PlatformChanged => Words::new("Only the platform has changed.", "Seule la plateforme a changé."),
            Self::SalesforceChanged => Words::new("Only Salesforce has changed.", "Seul Salesforce a changé."),
            Self::PlatformWins => Words::new("The platform's value always stands.", "La valeur de la plateforme prime toujours."),
            Self::SalesforceWins => Words::new("Salesforce's value always stands.", "La valeur de Salesforce prime toujours."),
            Self::PlatformIsLater => Words::new("The platform's statement is the later one.", "L'information de la plateforme est la plus récente."),
            Self::SalesforceIsLater => Words::new("Salesforce's statement is the later one.", "L'information de Salesforce est la plus récente."),
            Self::Undecided => Words::new(
                "Both sides have changed and nothing tells which came later; Salesforce's value stays.",
                "Les deux côtés ont changé et rien ne dit lequel en dernier ; la valeur de Salesforce reste.",
            ),
            Self::BlankFilled => Words::new("One side had no value and was filled.", "Un côté n'avait pas de valeur et a été complété."),
            Self::BothFilled => Words::new(
                "Both sides have a value, and only blanks are filled.",
                "Les deux côtés ont une valeur, et seuls les champs vides sont complétés.",
            ),
            Self::PlatformBlank => Words::new("The platform says nothing.", "La plateforme ne dit rien."),
            Self::PlatformCleared => Words::new(
                "The value was taken away on the platform, and the rule passes that on.",
                "La valeur a été effacée sur la plateforme, et la règle le transmet.",
            ),
            Self::SalesforceCleared => Words::new(
                "The value was taken away in Salesforce, and the rule passes that on.",
                "La valeur a été effacée dans Salesforce, et la règle le transmet.",
            ),
            Self::SentBefore => Words::new(
                "This value was sent before, and the platform has not changed it since.",
                "Cette valeur a déjà été envoyée et la plateforme ne l'a pas changée depuis.",
            ),
            Self::OrgRewrites => Words::new(
                "The org has changed this value twice after it was sent; it is sent again when the platform changes it.",
                "L'org a modifié deux fois cette valeur après son envoi ; elle sera renvoyée quand la plateforme la changera.",
            ),
            Self::DirectionForbids => Words::new(
                "The other side's value stands, and the rule's direction does not let it through.",
                "La valeur de l'autre côté prime, et le sens de la règle ne la laisse pas passer.",
            ),
            Self::OptOutWins => Words::new(
                "The person asked not to be contacted, and nothing tells that they changed their mind since.",
                "La personne a demandé à ne pas être contactée, et rien ne dit qu'elle ait changé d'avis depuis.",
            ),
            Self::Fixed => Words::new("The configuration sets this value.", "La configuration fixe cette valeur."),
            Self::Truncated => Words::new("The value was too long and was shortened.", "La valeur était trop longue et a été raccourcie."),
            Self::Replaced => Words::new(
                "The value did not fit the field; the rule's own value was taken.",
                "La valeur ne convenait pas au champ ; celle prévue par la règle a été prise.",
            ),
        }
    }
}
