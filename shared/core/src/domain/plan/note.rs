//! Remarks that explain choices, as data and in words.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::domain::{
    ids::{EventId, FieldName, ObjectName, RecordId},
    words::Sentence,
};

/// A remark that explains a choice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "note", rename_all = "snake_case")]
pub enum Note {
    /// Several records matched; the first one was taken.
    Ambiguous {
        /// All of them, best first.
        candidates: Vec<RecordId>,
    },
    /// The lead had been converted; its contact was taken.
    Converted {
        /// The lead.
        lead: RecordId,
    },
    /// The record was merged into another, which was taken.
    Merged {
        /// The one that is gone.
        from: RecordId,
        /// The one that stays.
        into: RecordId,
    },
    /// A field was left out, as its rule says, because Salesforce would not have taken the value.
    Dropped {
        /// The field.
        field: FieldName,
        /// The code of what was wrong.
        code: String,
    },
    /// A field of a company was left as it was, because Salesforce would not have taken the value. Nobody's event waits for it.
    Waits {
        /// The field.
        field: FieldName,
        /// The code of what was wrong.
        code: String,
    },
    /// Both sides had changed the field, and nothing tells who did so later: Salesforce's value stays.
    Conflict {
        /// The field.
        field: FieldName,
        /// The platform's value.
        platform: Value,
        /// Salesforce's value.
        salesforce: Value,
        /// Where the rule stands in the document.
        rule: String,
    },
    /// Somebody changed the field in the moment in which we wrote it: our value had been decided on an older one.
    Covered {
        /// The field.
        field: FieldName,
        /// What we wrote.
        written: Value,
        /// What somebody had made of it.
        theirs: Value,
        /// Whether it was given back to them.
        given_back: bool,
        /// Where the rule stands in the document that had us write it.
        #[serde(skip_serializing_if = "Option::is_none")]
        rule: Option<String>,
    },
    /// The org changes what it is sent, time and again; the field is written again when the platform changes its value.
    OrgRewritesField {
        /// The field.
        field: FieldName,
        /// What was sent.
        sent: Value,
        /// What the org made of it.
        became: Value,
    },
    /// No active user has the collaborator's address, so somebody else owns the record.
    OwnerFallback {
        /// Who owns the record instead.
        to: String,
    },
    /// Fields were left alone, since an event that occurred later has stated them.
    Late {
        /// The event that came too late for them.
        event: EventId,
        /// The object of their record.
        object: ObjectName,
        /// The fields.
        fields: Vec<FieldName>,
    },
    /// Several accounts have the company's name, so the contact got none.
    AccountAmbiguous {
        /// The name.
        name: String,
    },
    /// No account has the company's name, and the document makes none.
    AccountMissing {
        /// The name.
        name: String,
    },
}

impl Note {
    /// The remark in words.
    #[must_use]
    pub fn sentence(&self) -> Sentence {
        match self {
            Self::Ambiguous { candidates } => {
                let others = candidates.iter().skip(1).map(RecordId::as_str).collect::<Vec<_>>().join(", ");
                let first = candidates.first().map(RecordId::as_str).unwrap_or_default();
                Sentence::new(
                    format!("Several records have this person's address; {first} was taken, not {others}."),
                    format!("Plusieurs fiches portent l'adresse de cette personne ; {first} a été retenue, et non {others}."),
                )
            }
            Self::Converted { lead } => Sentence::new(
                format!("The lead {lead} was converted; its contact was taken."),
                format!("La piste {lead} a été convertie ; son contact a été retenu."),
            ),
            Self::Merged { from, into } => Sentence::new(
                format!("The record {from} was merged into {into}, which was taken."),
                format!("La fiche {from} a été fusionnée dans {into}, qui a été retenue."),
            ),
            Self::Dropped { field, code } => Sentence::new(
                format!("{field} was left out, as its rule says: {code}."),
                format!("{field} a été omis, comme le dit sa règle : {code}."),
            ),
            Self::Waits { field, code } => Sentence::new(
                format!("{field} stays as it was until the value fits: {code}."),
                format!("{field} reste tel quel jusqu'à ce que la valeur convienne : {code}."),
            ),
            Self::Conflict { field, platform, salesforce, .. } => Sentence::new(
                format!("{field} was changed on both sides, and nothing tells where later: {salesforce} stays, {platform} does not."),
                format!("{field} a été modifié des deux côtés, et rien ne dit où en dernier : {salesforce} reste, {platform} non."),
            ),
            Self::Covered { field, written, theirs, given_back: true, .. } => Sentence::new(
                format!("{field} was changed to {theirs} in the moment in which {written} was written; {theirs} was put back."),
                format!("{field} a été changé en {theirs} au moment même où {written} était écrit ; {theirs} a été rétabli."),
            ),
            Self::Covered { field, written, theirs, given_back: false, .. } => Sentence::new(
                format!("{field} was changed to {theirs} in the moment in which {written} was written, and could not be put back."),
                format!("{field} a été changé en {theirs} au moment même où {written} était écrit, et n'a pas pu être rétabli."),
            ),
            Self::OrgRewritesField { field, sent, became } => Sentence::new(
                format!("The org changed {field} twice after it was sent: {sent} became {became}. It is sent again when the platform changes it."),
                format!(
                    "L'org a modifié {field} deux fois après son envoi : {sent} est devenu {became}. Il sera renvoyé quand la plateforme le changera."
                ),
            ),
            Self::OwnerFallback { to } => Sentence::new(
                format!("No active user has the collaborator's address; the record goes to: {to}."),
                format!("Aucun utilisateur actif n'a l'adresse du collaborateur ; la fiche revient à : {to}."),
            ),
            Self::Late { event, object, fields } => {
                let fields = fields.iter().map(FieldName::as_str).collect::<Vec<_>>().join(", ");
                Sentence::new(
                    format!("What {event} says of {fields} ({object}) came late: an event that occurred after it had stated that already."),
                    format!("Ce que {event} dit de {fields} ({object}) est arrivé tard : un événement survenu après l'avait déjà indiqué."),
                )
            }
            Self::AccountAmbiguous { name } => Sentence::new(
                format!("Several accounts are called {name}, so the contact got none."),
                format!("Plusieurs comptes s'appellent {name} ; le contact n'en a donc reçu aucun."),
            ),
            Self::AccountMissing { name } => Sentence::new(
                format!("No account is called {name}, and the configuration makes none."),
                format!("Aucun compte ne s'appelle {name}, et la configuration n'en crée pas."),
            ),
        }
    }
}
