//! CSV as Bulk API 2.0 reads and writes it.

/// Splits text into rows of fields. Quotes may hold delimiters, line ends and doubled quotes.
pub fn parse(text: &str, delimiter: char) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    let mut row = Vec::new();
    let mut field = String::new();
    let mut quoted = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                field.push('"');
            }
            '"' => quoted = !quoted,
            c if quoted => field.push(c),
            '\r' if chars.peek() == Some(&'\n') => {}
            '\n' => {
                row.push(std::mem::take(&mut field));
                push_row(&mut rows, std::mem::take(&mut row));
            }
            c if c == delimiter => row.push(std::mem::take(&mut field)),
            c => field.push(c),
        }
    }
    row.push(field);
    push_row(&mut rows, row);
    rows
}

/// Empty lines are no rows.
fn push_row(rows: &mut Vec<Vec<String>>, row: Vec<String>) {
    if row.len() > 1 || row.first().is_some_and(|field| !field.is_empty()) {
        rows.push(row);
    }
}

/// One line with every field quoted.
pub fn line<S: AsRef<str>>(fields: impl IntoIterator<Item = S>, delimiter: char, ending: &str) -> String {
    let quoted: Vec<String> = fields.into_iter().map(|field| format!("\"{}\"", field.as_ref().replace('"', "\"\""))).collect();
    format!("{}{ending}", quoted.join(&delimiter.to_string()))
}

/// The character a job's `columnDelimiter` names.
pub fn delimiter(name: &str) -> Option<char> {
    Some(match name {
        "COMMA" => ',',
        "TAB" => '\t',
        "SEMICOLON" => ';',
        "PIPE" => '|',
        "CARET" => '^',
        "BACKQUOTE" => '`',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_hold_anything() {
        let text = "Name,Note\r\n\"Lee, Ann\",\"a \"\"b\"\"\nc\"\n\nplain,\n";
        let want: Vec<Vec<&str>> = vec![vec!["Name", "Note"], vec!["Lee, Ann", "a \"b\"\nc"], vec!["plain", ""]];
        assert_eq!(parse(text, ','), want);
    }

    #[test]
    fn what_was_written_is_read_again() {
        let fields = ["a;b", "say \"x\"", "", "é\nü"];
        assert_eq!(parse(&line(fields, ';', "\n"), ';'), vec![fields.map(str::to_owned).to_vec()]);
    }
}
