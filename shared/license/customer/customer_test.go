package customer_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"qmslicensing/shared/license/customer"
)

func TestFold(t *testing.T) {
	for name, c := range map[string][2]string{
		"case":                                  {"NorthWind", "northwind"},
		"accents, composed":                     {"Café Ñandú", "cafe nandu"},
		"accents, decomposed":                   {"Cafe\u0301 Nandu\u0301", "cafe nandu"},
		"sharp s, small and capital":            {"Strauß STRAUẞ", "strauss strauss"},
		"letters that Unicode leaves whole":     {"Øresund Łódź Æther Œuvre Đuro Þór Iğdır", "oresund lodz aether oeuvre duro thor igdir"},
		"a dotted capital I":                    {"İstanbul", "istanbul"},
		"both small sigmas":                     {"ΟΔΟΣ Οδος", "οδοσ οδοσ"},
		"Greek accents":                         {"Αθήνα", "αθηνα"},
		"spaces at the ends, several, no-break": {"  A\u00a0\u2003 B\t", "a b"},
		"punctuation parts words":               {"Smith-Jones/West, “Nord” (EU)", "smith jones west nord eu"},
		"ampersand with and without spaces":     {"AT&T, AT & T", "at t at t"},
		"periods and apostrophes join":          {"O'Neil O’Neil S.A.R.L.", "oneil oneil sarl"},
		"digits stay":                           {"3M 24/7", "3m 24 7"},
		"full width and ligatures":              {"ＡＢＣ ﬁne", "abc fine"},
		"marks of trade are no letters":         {"Acme™ Blue®", "acme blue"},
		"zero width and soft hyphen":            {"Nor\u00adth\u200bwind", "northwind"},
		"vowel signs of India stay":             {"हिन्दी", "हिन्दी"},
		"Chinese stays":                         {"北京 公司", "北京 公司"},
		"nothing but punctuation":               {" -- … ", ""},
		"nothing":                               {"", ""},
		"not valid text":                        {"A\xffB", "a b"},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c[1], customer.Fold(c[0])) })
	}
}

func TestFold_TheStartOfANameFoldsToTheStartOfItsFold(t *testing.T) {
	for _, name := range []string{"Café  “Nord” & Söhne S.A.R.L.", "O'Neil -- Straße", "İstanbul A.Ş.", "북경 주식회사", "Αθήνα", "ガス"} {
		whole := []rune(name)
		for n := range whole {
			start := customer.Fold(string(whole[:n]))
			require.True(t, strings.HasPrefix(customer.Fold(name), start), "%q of %q", start, name)
		}
		require.Equal(t, customer.Fold(name), customer.Fold(customer.Fold(name)), "folding twice changes nothing")
	}
}

func TestKey_TheSameCustomer(t *testing.T) {
	for _, same := range [][]string{
		{"Müller GmbH & Co. KG", "MULLER GMBH UND CO KG", "Müller, GmbH", "müller"},
		{"AT&T Inc.", "A T & T", "AT&T, Inc", "ATT"},
		{"Northwind Call Centers", "Northwind Call Centers Ltd.", "NORTHWIND CALL-CENTERS LIMITED", "Northwind Call Centers Pty Ltd", "Northwind  Call Centers, LLC"},
		{"Café Nord S.A.", "Cafe Nord SA", "Café Nord S. A.", "Cafe Nord S.A.R.L.", "CAFÉ NORD (S.A.)"},
		{"Volvo AB", "AB Volvo", "VOLVO"},
		{"Dansk Tale A/S", "Dansk Tale ApS", "DANSK TALE"},
		{"Kowalski Sp. z o.o.", "Kowalski sp z oo", "Kowalski"},
		{"Novák s.r.o.", "Novak, spol. s r.o.", "NOVAK"},
		{"Jansen B.V.", "Jansen N.V.", "Jansen"},
		{"Virtanen Oy Ab", "Oy Virtanen Ab", "Virtanen Oyj"},
		{"Schmidt e.K.", "Schmidt e. K.", "Schmidt"},
		{"Allianz SE", "allianz"},
		{"Barclays PLC", "Barclays p.l.c.", "Barclays"},
		{"Smith & Sons Ltd", "Smith and Sons", "Smith Sons"},
		{"Acme Corp.", "ACME Corporation", "Acme Co., Inc."},
		{"Comercial S. de R.L. de C.V.", "Comercial"},
		{"ООО Ромашка", "Ромашка"},
	} {
		for _, name := range same {
			require.Equal(t, customer.Key(same[0]), customer.Key(name), "%q and %q", same[0], name)
		}
	}
}

func TestKey_OtherCustomers(t *testing.T) {
	seen := map[string]string{}
	for _, name := range []string{
		"Northwind Call Centers", "Northwind", "Southwind Call Centers", "Casa Blanca", "Blanca", "Agile AG", "Corporate Voice", "Limited Edition Books",
		"Co", "AG", "Ltd Ltd", "GmbH & Co. KG", "The Company Company Stores", "Sab", "Müller Söhne GmbH", "Mueller", "北京", "3M", "3",
	} {
		key := customer.Key(name)
		require.NotEmpty(t, key, name)
		require.NotContains(t, seen, key, "%q and %q", name, seen[key])
		seen[key] = name
	}
}

func TestKey_ANameThatIsNothingButALegalFormKeepsItsFold(t *testing.T) {
	for name, want := range map[string]string{"Limited": "limited", "The Limited": "the", "S.A.": "sa", "GmbH & Co. KG": "gmbhcokg", "AND": "and", "AB": "ab", "&": ""} {
		require.Equal(t, want, customer.Key(name), name)
	}
}

func TestSame_NamesWithoutLettersMustBeEqual(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"Müller GmbH & Co. KG", "MULLER", true},
		{"Muller", "Miller", false},
		{"???", "???", true},
		{"???", "!!!", false},
	} {
		require.Equal(t, c.same, customer.Same(c.a, c.b), "%s, %s", c.a, c.b)
	}
}
