package registry

import (
	"qmslicensing/shared/license"
	"qmslicensing/shared/license/cursor"
)

// cursors writes and reads cursors: the position of the last entry that a page has read, good for its query alone.
type cursors struct{ cursor.Signer }

func newCursors(secrets []string) (cursors, error) {
	signer, err := cursor.NewSigner("qms-licensing: cursors of pages", secrets)
	return cursors{signer}, err
}

// write makes the cursor of what comes after a position.
func (c cursors) write(q Query, position string) string { return c.Write(q.text(), position) }

// read returns the position in a cursor of the same query, "" of "". Any other text is InvalidRequest.
func (c cursors) read(q Query, text string) (string, error) {
	if text == "" {
		return "", nil
	}
	if position, good := c.Read(q.text(), text); good {
		return position, nil
	}
	return "", license.Invalid("query:cursor", "This cursor is not one of this search: it is damaged, or a filter was changed since. Leave it out to start at the first page.")
}
