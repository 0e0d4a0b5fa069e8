package licensekey_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"qmslicensing/shared/license/licensekey"
)

func TestRead_NamesWhatItRemovedWithCounts(t *testing.T) {
	keys := newTestKeys(t)
	text := keys.issue(t, "sold-2026-1", subscription(t))
	for name, row := range map[string]struct {
		paste   string
		details []string
	}{
		"leading, trailing and inner spaces": {"  " + wrap(text, 300, " ") + " ", []string{"4 spaces removed."}},
		"CRLF":                               {wrap(text, 300, "\r\n"), []string{"1 line break removed."}},
		"NBSP":                               {text + "\u00a0", []string{"1 space removed."}},
		"zero width":                         {"\u200b" + text + "\u200b", []string{"2 invisible characters removed."}},
		"BOM":                                {"\ufeff" + text, []string{"1 byte order mark removed."}},
		"soft hyphen":                        {wrap(text, 200, "\u00ad"), []string{"2 soft hyphens removed."}},
		"quoting":                            {"> " + wrap(text, 300, "\n> "), []string{"2 spaces removed.", "1 line break removed.", "2 mail quote marks removed."}},
		"quoted-printable breaks":            {wrap(text, 200, "=\r\n"), []string{"2 mail encoding marks (=) decoded."}},
		"surrounding quotes":                 {"„" + text + "“", []string{"2 quotation marks removed."}},
		"a License: prefix":                  {"License: " + text, []string{"1 space removed.", "The label before the license removed."}},
		"trailing period":                    {text + ".", []string{"The period after the end removed."}},
		"pasted twice":                       {text + " " + text, []string{"1 further copy of the same license removed."}},
		"pasted three times":                 {text + "\n" + text + "\n" + text, []string{"2 further copies of the same license removed."}},
		"a sentence around it":               {"Here it is: " + text + " Best regards, Ana", []string{"2 spaces removed.", "6 words around the license removed."}},
		"clean":                              {text, []string{}},
	} {
		t.Run(name, func(t *testing.T) {
			reading, err := licensekey.Read(row.paste, keys.lookup)
			require.NoError(t, err)
			require.Equal(t, text, reading.Text)
			require.Equal(t, "sold-2026-1", reading.KeyID)
			require.Equal(t, subscription(t), reading.Claims)
			details := []string{}
			for _, repair := range reading.Repairs {
				details = append(details, repair.Detail)
			}
			require.Equal(t, row.details, details)
		})
	}
}

func TestRead_EveryRepairAndCauseHasWordsOfItsOwn(t *testing.T) {
	said := map[string]bool{}
	for _, cause := range licensekey.Causes() {
		damage := &licensekey.Damage{Cause: cause, Character: "%", Size: 70000}
		require.NotEmpty(t, damage.Remedy())
		require.False(t, said[damage.Sentence()], "%s says what another cause says", cause)
		require.Contains(t, damage.Error(), string(cause))
		said[damage.Sentence()] = true
	}
}

func TestRead_DiagnosisInWords(t *testing.T) {
	keys := newTestKeys(t)
	text := keys.issue(t, "sold-2026-1", subscription(t))
	for name, row := range map[string]struct{ paste, sentence, remedy string }{
		"truncated": {text[:400], "Its end is missing.", "Copy it again from the first character to the last. Paste it into Notepad and copy it from there, or use the .lic file."},
		"foreign":   {text[:300] + "%" + text[300:], `It contains the character "%", which no license contains.`, "Copy it again from where it came from, not from a program that changes text. Paste it into Notepad and copy it from there, or use the .lic file."},
		"too long":  {strings.Repeat("x", 66*1024), "The text has 66 KB; a license has about 500 characters.", "Copy it again from the first character to the last. Paste it into Notepad and copy it from there, or use the .lic file."},
		"two":       {text + " " + keys.issue(t, "sold-2026-1", permanent(t)), "There is more than one license in this text, and they are different.", "Copy only the license for this server: its Server Token finds the current one. Paste it into Notepad and copy it from there, or use the .lic file."},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := licensekey.Read(row.paste, keys.lookup)
			var damage *licensekey.Damage
			require.ErrorAs(t, err, &damage)
			require.Equal(t, row.sentence, damage.Sentence())
			require.Equal(t, row.remedy, damage.Remedy())
		})
	}
}

func TestRead_PassesOnWhatLookupFailsWith(t *testing.T) {
	keys := newTestKeys(t)
	outage := errors.New("table not reachable")
	calls := 0
	_, err := licensekey.Read(keys.issue(t, "sold-2026-1", subscription(t)), func(string) (licensekey.Key, error) {
		calls++
		return licensekey.Key{}, outage
	})
	require.ErrorIs(t, err, outage)
	require.Equal(t, 1, calls)
}

func TestRead_TriesAtMostSixteenReadingsOfDashes(t *testing.T) {
	keys := newTestKeys(t)
	text := keys.issue(t, "sold-2026-1", subscription(t))
	body := text[:strings.LastIndex(text, ".")+1]
	for _, dashes := range []int{2, 7, 29, 43, 60, 86} {
		calls := 0
		_, err := licensekey.Read(body+strings.Repeat("—", dashes)+strings.Repeat("A", max(0, 70-dashes)), func(kid string) (licensekey.Key, error) {
			calls++
			return keys.lookup(kid)
		})
		require.Error(t, err)
		require.LessOrEqual(t, calls, 16, dashes)
	}
}

// TestRead_HostilePasteIsCheap holds the budget of a paste: 64 KiB of anything in under 20 ms. The race detector makes
// everything slower by raceFactor.
func TestRead_HostilePasteIsCheap(t *testing.T) {
	keys := newTestKeys(t)
	text := keys.issue(t, "sold-2026-1", subscription(t))
	other := keys.issue(t, "sold-2026-1", permanent(t))
	dashed := text[:strings.LastIndex(text, ".")+1] + strings.Repeat("–", 60)
	for name, unit := range map[string]string{
		"periods": ".", "eyJ": "eyJ", "eyJ parts": "eyJ.", "header anchors": "eyJhbGciOi", "headers": "eyJhbGciOiJFUzI1NiIsImtpZCI6.",
		"long parts": strings.Repeat("A", 210) + ".", "dashes": "-", "em dashes": "—", "parts of em dashes": strings.Repeat("—", 86) + ".",
		"dashed licenses": dashed + "\n", "soft breaks": "=\r\n", "equals signs": "=", "equals and spaces": "= ", "encoded bytes": "=E2=80",
		"open tags": "<a ", "nested tags": "<b><i>", "angle brackets": "<", "unclosed tag": "<p x", "ampersands": "&", "entities": "&nbsp;", "long entities": "&aaaaaaaaaaaaaa",
		"backslashes": `\`, "escapes": `\u0041`, "quote marks": "> ", "quotes": `"`, "spaces": " ", "zero width": "\u200b", "line breaks": "\n", "words": "License: ",
		"invalid UTF-8": "\xff", "one license many times": text + "\n", "licenses glued": text, "two licenses": text + "\n" + other, "half licenses": text[:200] + " ",
		"payload anchors": "eyJpc3MiOiJxbXMt.", "lower case": strings.ToLower(text), "JSON fields": `{"licenseKey":"`, "signatures": strings.Repeat("A", 86) + ".", "fences": "```\n",
	} {
		for _, shape := range []string{"alone", "after license", "before license"} {
			paste := strings.Repeat(unit, (64<<10)/len(unit))
			switch shape {
			case "after license":
				paste = text + " " + paste[:64<<10-len(unit)-len(text)-1]
			case "before license":
				paste = paste[:64<<10-len(unit)-len(text)-1] + " " + text
			}
			t.Run(name+" "+shape, func(t *testing.T) {
				best := time.Hour
				for range 5 {
					start := time.Now()
					_, _ = licensekey.Read(paste, keys.lookup)
					best = min(best, time.Since(start))
				}
				require.Less(t, best, raceFactor*20*time.Millisecond)
			})
		}
	}
}

func FuzzRead(f *testing.F) {
	keys := newTestKeys(f)
	for _, v := range readVectors(f) {
		if v.Repeat == 0 {
			f.Add(v.Paste)
		}
	}
	f.Fuzz(func(t *testing.T, paste string) {
		reading, err := licensekey.Read(paste, keys.lookup)
		require.NotNil(t, reading.Repairs)
		if err != nil {
			return
		}
		again, err := licensekey.Read(reading.Text, keys.lookup)
		require.NoError(t, err)
		require.Empty(t, again.Repairs)
		require.Equal(t, reading.Text, again.Text)
		claims, _, err := licensekey.Verify(reading.Text, keys.lookup)
		require.NoError(t, err)
		require.Equal(t, reading.Claims, claims)
	})
}
