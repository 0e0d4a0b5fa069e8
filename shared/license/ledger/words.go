package ledger

// ChangeWords are the words that Change.What may be: what staff see as the last event of a license, and search by.
func ChangeWords() []string {
	return []string{"issued", "renewed", "amended", "corrected", "re-hosted", "replaced", "revoked", "voided"}
}
