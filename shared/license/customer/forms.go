package customer

import "strings"

// forms are the legal forms of companies, folded and without spaces, as they stand at the end of a name.
var forms = set(
	// German
	"gmbh", "ggmbh", "mbh", "ag", "kg", "kgaa", "ohg", "gbr", "ug", "ughaftungsbeschrankt", "haftungsbeschrankt", "ek", "ekfm", "ekfr",
	"eg", "ev", "gesmbh", "partg", "partgmbb", "sarl", "sagl", "aktiengesellschaft", "gesellschaftmitbeschrankterhaftung",
	// English
	"ltd", "limited", "llc", "llp", "lp", "inc", "incorporated", "corp", "corporation", "co", "company", "plc", "pty", "pte", "pvt",
	"proprietary", "privatelimited", "pc", "pllc", "cic", "ulc", "publiclimitedcompany",
	// French, Italian, Spanish, Portuguese, Romanian
	"sa", "sas", "sasu", "eurl", "snc", "sca", "scs", "spa", "srl", "srls", "sapa", "sl", "slu", "sau", "sacv", "sadecv", "sarldecv",
	"srldecv", "sdrl", "sderl", "sderldecv", "sdrldecv", "lda", "ltda", "eireli", "cia",
	// Dutch, Belgian
	"bv", "nv", "vof", "cv", "bvba", "sprl", "cvba",
	// Nordic and Baltic
	"ab", "abp", "oy", "oyj", "as", "asa", "aps", "ks", "hb", "kb", "ehf", "hf", "uab", "sia", "ou",
	// Central and eastern Europe
	"sro", "spolsro", "zoo", "spzoo", "spolkazoo", "spolkazograniczonaodpowiedzialnoscia", "spj", "spk", "kft", "zrt", "nyrt", "bt",
	"doo", "dd", "dooel", "ad", "ead", "eood", "ood", "ooo", "zao", "oao", "pao", "ооо", "зао", "оао", "пао", "ао", "тов",
	// Greek, Turkish
	"ae", "epe", "ike", "αε", "επε", "ικε", "ltdsti", "limitedsirketi", "anonimsirketi",
	// European
	"se", "sce", "eeig",
	// Asia
	"kk", "gk", "bhd", "sdnbhd", "tbk", "jsc", "株式会社", "有限公司",
)

// leading are the forms that may stand at the start.
var leading = set("ab", "as", "oy", "pt", "ooo", "zao", "oao", "pao", "ооо", "зао", "оао", "пао", "ао", "тов", "株式会社")

// longestForm is the most words of a form: "s de r l de c v".
const longestForm = 7

func set(names ...string) map[string]bool {
	all := make(map[string]bool, len(names))
	for _, name := range names {
		all[name] = true
	}
	return all
}

// trailingForm counts the words at the end that are one legal form, written together or apart ("A/S", "S. A."), or the
// "and" that a form has left behind.
func trailingForm(words []string) int {
	for n := min(longestForm, len(words)); n > 0; n-- {
		if forms[strings.Join(words[len(words)-n:], "")] {
			return n
		}
	}
	if connectives[words[len(words)-1]] {
		return 1
	}
	return 0
}

// leadingForm counts the words at the start that are one.
func leadingForm(words []string) int {
	for n := min(2, len(words)); n > 0; n-- {
		if leading[strings.Join(words[:n], "")] {
			return n
		}
	}
	return 0
}
