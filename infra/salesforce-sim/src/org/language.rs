//! Error texts in the running user's language. Only texts differ: codes and fields stay.
//!
//! Source: a recorded answer to a user whose language is Spanish. The other texts say in Spanish, French and German what the
//! English ones say; how Salesforce words them is not recorded, and no client should care.

use super::{Org, Session, UpsertError};
use crate::error::ApiError;

/// A part of an English text, and what stands for it in Spanish, French and German.
type Words = (&'static str, [&'static str; 3]);

/// The languages by the beginning of their keys, in the order of the words.
const LANGUAGES: [&str; 3] = ["es", "fr", "de"];

/// The parts of the texts by code.
const TEXTS: &[(&str, &[Words])] = &[
    (
        "REQUIRED_FIELD_MISSING",
        &[("Required fields are missing:", ["Faltan campos obligatorios:", "Champs obligatoires manquants :", "Erforderliche Felder fehlen:"])],
    ),
    (
        "STRING_TOO_LONG",
        &[
            (": data value too large: ", [": valor de datos demasiado grande: ", " : valeur de données trop grande : ", ": Datenwert zu groß: "]),
            ("(max length=", ["(longitud máxima=", "(longueur maximale=", "(maximale Länge="]),
        ],
    ),
    (
        "INVALID_EMAIL_ADDRESS",
        &[(
            ": invalid email address: ",
            [": dirección de correo electrónico no válida: ", " : adresse e-mail non valide : ", ": ungültige E-Mail-Adresse: "],
        )],
    ),
    (
        "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
        &[(
            ": bad value for restricted picklist field: ",
            [
                ": valor incorrecto para el campo de lista de selección restringida: ",
                " : valeur incorrecte pour le champ de liste de sélection restreinte : ",
                ": ungültiger Wert für eingeschränktes Auswahllistenfeld: ",
            ],
        )],
    ),
    (
        "NUMBER_OUTSIDE_VALID_RANGE",
        &[(
            ": value outside of valid range on numeric field: ",
            [
                ": valor fuera del intervalo válido en el campo numérico: ",
                " : valeur en dehors de la plage valide du champ numérique : ",
                ": Wert außerhalb des gültigen Bereichs im numerischen Feld: ",
            ],
        )],
    ),
    (
        "DUPLICATE_VALUE",
        &[
            ("Already a campaign member.", ["Ya es miembro de la campaña.", "Déjà membre de la campagne.", "Bereits Mitglied der Kampagne."]),
            ("duplicate value found: ", ["valor duplicado encontrado: ", "valeur en double trouvée : ", "doppelter Wert gefunden: "]),
            (
                " duplicates value on record with id: ",
                [
                    " duplica el valor del registro con el Id.: ",
                    " duplique la valeur de l'enregistrement avec l'ID : ",
                    " dupliziert den Wert im Datensatz mit der ID: ",
                ],
            ),
        ],
    ),
    ("ENTITY_IS_DELETED", &[("entity is deleted", ["la entidad está eliminada", "l'entité est supprimée", "die Entität ist gelöscht"])]),
    (
        "CANNOT_UPDATE_CONVERTED_LEAD",
        &[(
            "cannot reference converted lead",
            [
                "no se puede hacer referencia a un candidato convertido",
                "impossible de référencer une piste convertie",
                "auf konvertierten Lead kann nicht verwiesen werden",
            ],
        )],
    ),
    (
        "INVALID_CROSS_REFERENCE_KEY",
        &[("invalid cross reference id", ["Id. de referencia cruzada no válido", "ID de référence croisée non valide", "ungültige Querverweis-ID"])],
    ),
    (
        "INSUFFICIENT_ACCESS_OR_READONLY",
        &[(
            "insufficient access rights on object id",
            [
                "derechos de acceso insuficientes en el Id. de objeto",
                "droits d'accès insuffisants sur l'ID d'objet",
                "unzureichende Zugriffsrechte auf die Objekt-ID",
            ],
        )],
    ),
];

impl Org {
    /// The same errors in the language of who asks.
    pub(super) fn in_language_of(&self, s: &Session, mut errors: Vec<ApiError>) -> Vec<ApiError> {
        let language = self.user(&s.user).map_or("en", |user| &user.language);
        if let Some(place) = LANGUAGES.iter().position(|key| language.starts_with(key)) {
            for error in &mut errors {
                translate(error, place);
            }
        }
        errors
    }

    /// The same for an upsert.
    pub(super) fn upsert_in_language_of(&self, s: &Session, error: UpsertError) -> UpsertError {
        match error {
            UpsertError::Errors(errors) => UpsertError::Errors(self.in_language_of(s, errors)),
            several => several,
        }
    }
}

fn translate(error: &mut ApiError, place: usize) {
    let words = TEXTS.iter().find(|(code, _)| error.code == *code).map(|(_, words)| *words);
    for (english, others) in words.into_iter().flatten() {
        if let Some(other) = others.get(place) {
            // The first place only: a value that follows may hold the same words.
            error.message = error.message.replacen(english, other, 1);
        }
    }
}
