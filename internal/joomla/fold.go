package joomla

import "unicode/utf8"

// foldedLetters are small letters with accents and the like, after the letter
// that each is compared as: those that Unicode decomposes to it (NFKD), of
// Latin, Greek and Cyrillic, and some that it does not, such as the Polish ł.
var foldedLetters = []string{
	"aàáâãäåāăąǎǟǡǻȁȃȧḁạảấầẩẫậắằẳẵặ", "bḃḅḇƀ", "cçćĉċčḉ", "dďḋḍḏḑḓđð", "eèéêëēĕėęěȅȇȩḕḗḙḛḝẹẻẽếềểễệ", "fḟ",
	"gĝğġģǧǵḡ", "hĥȟḣḥḧḩḫẖħ", "iìíîïĩīĭįǐȉȋḭḯỉịı", "jĵǰ", "kķǩḱḳḵ", "lĺļľḷḹḻḽł", "mḿṁṃ", "nñńņňǹṅṇṉṋŋ",
	"oòóôõöōŏőơǒǫǭȍȏȫȭȯȱṍṏṑṓọỏốồổỗộớờởỡợø", "pṕṗ", "rŕŗřȑȓṙṛṝṟ", "sśŝşšſșṡṣṥṧṩẛ", "tţťțṫṭṯṱẗŧ",
	"uùúûüũūŭůűųưǔǖǘǚǜȕȗṳṵṷṹṻụủứừửữự", "vṽṿ", "wŵẁẃẅẇẉẘ", "xẋẍ", "yýÿŷȳẏẙỳỵỷỹ", "zźżžẑẓẕƶ", "æǣǽ", "øǿ", "ʒǯ",
	"αά", "εέ", "ηή", "ιΐίϊ", "οό", "σς", "υΰϋύ", "ωώ", "гѓ", "еѐё", "ийѝ", "кќ", "уў", "ії",
}

// folds are the letters of foldedLetters by their code points.
var folds = func() (table [0x1F00]rune) {
	for _, letters := range foldedLetters {
		base, n := utf8.DecodeRuneInString(letters)
		for _, letter := range letters[n:] {
			table[letter] = base
		}
	}
	return table
}()

// appendFolded appends r, a small letter or a digit, to dst without its accent,
// and what stands for several letters as these.
func appendFolded(dst []byte, r rune) []byte {
	switch {
	case r < rune(len(folds)) && folds[r] != 0:
		r = folds[r]
	case '\uFF01' <= r && r <= '\uFF5E': // Of the width of Chinese characters.
		r -= 0xFEE0
	}
	switch r {
	case 'ß':
		return append(dst, "ss"...)
	case 'æ':
		return append(dst, "ae"...)
	case 'œ':
		return append(dst, "oe"...)
	}
	return utf8.AppendRune(dst, r)
}
