//! Phone numbers in other forms, by the numbering plans of `phonenumber`. Its plans are read at the first use.

use phonenumber::{Mode, PhoneNumber, country};

use super::PhoneForm;

/// Letters and digits at most; longer texts are no phone numbers, and the library need not look at them.
const LONGEST: usize = 64;

/// The number in the wanted form; `None` where the text is no valid number.
pub(super) fn write(text: &str, form: PhoneForm, country: Option<country::Id>) -> Option<String> {
    // "00" is how most of the world dials abroad.
    let dialled = text.strip_prefix("00").map(|rest| format!("+{rest}"));
    let text = dialled.as_deref().unwrap_or(text);
    if text.len() > LONGEST || !text.bytes().any(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number = phonenumber::parse(country, text).ok().filter(PhoneNumber::is_valid)?;
    let national = country.is_none_or(|own| number.country().id() == Some(own));
    let written = match form {
        PhoneForm::International => number.format().mode(Mode::International).to_string(),
        PhoneForm::National if national => digits(&number.format().mode(Mode::National).to_string()),
        PhoneForm::NationalSpaced if national => number.format().mode(Mode::National).to_string(),
        PhoneForm::E164 | PhoneForm::National | PhoneForm::NationalSpaced => number.format().mode(Mode::E164).to_string(),
    };
    Some(written)
}

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}
