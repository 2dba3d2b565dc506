# The public declarations of pythreading.h, with their comments, in the order of the rooms:
#     awk -f tests/api.awk pythreading.h               a header that compiles by itself
#     awk -v names=1 -f tests/api.awk pythreading.h    the names alone, by room, for the first screen
#
# What is read is the part of each room under PYT__DECLARE as a C compiler without any option sees
# it, and in the debug room as with PYTHREADING_DEBUG. An inline function loses its body, a member
# its atomicity, a macro that stands on private names its replacement.

function emit(text) {
    if (room != printed) {
        printed = room
        out("\n/* " dashes(room, title) " */")
    }
    out(text)
}

function out(text) {
    if (!index_only) { print text }
}

function dashes(name, text) {
    return sprintf("---- >>%-12s %s ", name, text)
}

# Name the public name `name`, of a type when `is_type` is set, or of an enumerator.
function note(name, is_type) {
    if (name in noted) { return }
    noted[name] = 1
    order[++n_names] = name
    room_of[name] = room
    if (is_type) { types[name] = 1 }
}

function trim(text) {
    gsub(/[ \t]+/, " ", text)
    sub(/^ /, "", text)
    sub(/ $/, "", text)
    return text
}

# Leave out what is for compilers: PYT__WORD and PYT__WORD(...), but for the type in PYT__ATOMIC(T).
# Comments beside members stay where they were.
function plain(text, lines, n, i, line, all) {
    n = split(text, lines, "\n")
    for (i = 1; i <= n; i++) {
        line = lines[i]
        if (match(line, /PYT__ATOMIC\([^()]*\)/)) {
            line = substr(line, 1, RSTART - 1) substr(line, RSTART + 12, RLENGTH - 13) \
                substr(line, RSTART + RLENGTH)
            sub(/;  *\/\*/, ";             &", line)
            sub(/; *;/, ";             ", line)
        }
        gsub(/PYT__[A-Z_]+\([^()]*\) ?/, "", line)
        gsub(/PYT__[A-Z_]+ ?/, "", line)
        sub(/ +$/, "", line)
        all = all (i > 1 ? "\n" : "") line
    }
    return all
}

# Break a declaration at commas, so that no line is above 100 columns.
function wrap(text, line, rest, at) {
    line = ""
    while (length(text) > 100) {
        at = 100
        while (at > 0 && substr(text, at, 2) != ", ") { at-- }
        if (at == 0) { break }
        line = line substr(text, 1, at) "\n"
        text = "    " substr(text, at + 2)
    }
    return line text
}

function said() {
    if (comment != "") { emit("\n" comment) }
    comment = ""
}

# A private type that a public one has inside is printed first.
function print_inner(text, name) {
    for (name in inner) {
        if (inner[name] != "" && match(text, "(^|[^a-z_])" name " [a-z_*]")) {
            text_of_it = inner[name]
            inner[name] = ""
            print_inner(text_of_it)
            emit("\n/* Private. */\n" text_of_it)
        }
    }
}

function function_done(text, name) {
    sub(/ *\{$/, ";", text)
    text = trim(text)
    name = text
    gsub(/PYT__[A-Z_]+\([^()]*\)/, "", name)
    sub(/\(.*/, "", name)
    sub(/.*[ *]/, "", name)
    if (name ~ /^pyt_[a-z]/) {
        said()
        text = plain(text)
        sub(/ *;?$/, ";", text)
        emit(wrap(text))
        note(name, 0)
    }
    comment = ""
}

function type_done(text, name, list, i, n, word) {
    name = text
    if (text ~ /^typedef [^{]*\(\*pyt_[a-z_]*\)/) {
        match(text, /\(\*[a-z_]*\)/)
        name = substr(text, RSTART + 2, RLENGTH - 3)
    } else {
        sub(/;[^;]*$/, "", name)
        sub(/.*[ }]/, "", name)
    }
    if (name ~ /^pyt__/) {
        inner[name] = plain(text)
    } else if (name ~ /^pyt_/) {
        print_inner(text)
        said()
        note(name, 1)
        if (name == "pyt_status") {
            text = statuses
        } else {
            text = plain(text)
        }
        emit(text)
        if (text ~ /^typedef enum/) {
            gsub(/\/\*[^*]*\*\//, "", text)
            n = split(text, list, /[^A-Za-z_]+/)
            for (i = 1; i <= n; i++) {
                word = list[i]
                if (word ~ /^PYT_[A-Z]/) { note(word, 0) }
            }
        }
    }
    comment = ""
}

# Nested conditions: taken[depth] is 1 where the branch is read, 2 where another one was.
function reading(i) {
    for (i = 1; i <= depth; i++) {
        if (taken[i] != 1) { return 0 }
    }
    return 1
}

function holds(condition) {
    if (condition ~ /^#ifndef/) { return 1 }
    if (condition ~ /PYT__DECLARE|defined\(PYT__CLEANUP\)/) { return 1 }
    return room == "debug" && condition ~ /defined\(PYTHREADING_DEBUG\)/
}

BEGIN {
    index_only = names
    out("/* The public declarations of pythreading.h, in the order of its rooms: made by `make api`, to be")
    out(" * read. A program includes pythreading.h. Members whose name begins with pyt__ are private; in")
    out(" * pythreading.h those that threads share are atomic. */")
    out("#ifndef PYTHREADING_API_H")
    out("#define PYTHREADING_API_H")
    out("#include <stdbool.h>\n#include <stddef.h>\n#include <stdint.h>\n#include <stdio.h>")
    out("#if defined(__cplusplus)\nextern \"C\" {\n#endif")
}

/^\/\* =+ \*$/ { banner = 1 }
banner && match($0, /^ \* *>>[a-z]+/) {
    title = $0
    sub(/^ \* *>>[a-z]+ */, "", title)
    room = $2
    sub(/>>/, "", room)
    code = 1
}
!code { next }
/^ \* =+ \*\/$/ { banner = 0; next }
banner { next }

/^#if/ {
    depth++
    taken[depth] = holds($0) ? 1 : 0
    if (/__cplusplus/) { cplusplus[depth] = 1 } else { cplusplus[depth] = 0 }
    branches[depth] = 0
}
/^#(elif|else)/ {
    branches[depth]++
    taken[depth] = taken[depth] ? 2 : (/^#else/ ? 1 : 0)
}
/^#endif/ { depth--; next }
/^#(if|elif|else)/ {
    while (/\\$/) { getline }
    next
}
!reading() { next }

# A comment at the beginning of a line is of what follows it.
/^\/\*/ {
    comment = $0
    while ($0 !~ /\*\/$/) {
        if ((getline) <= 0) { break }
        comment = comment "\n" $0
    }
    next
}

/^#define/ {
    name = $2
    parameters = ""
    if (match($0, /^#define [A-Za-z_]+\([^()]*\)/)) {
        parameters = substr($0, 1, RLENGTH)
        sub(/^#define [A-Za-z_]+/, "", parameters)
    }
    sub(/\(.*/, "", name)
    text = $0
    while ($0 ~ /\\$/) {
        getline
        text = text "\n" $0
        if (name == "PYT__STATUS_LIST" && match($0, /X\([A-Z_]+/)) {
            status = substr($0, RSTART + 2, RLENGTH - 2)
            sentence = $0
            sub(/" *\) *\\?$/, "", sentence)
            sub(/.*"/, "", sentence)
            list = list sprintf("    %-22s /* %s */\n", status ",", sentence)
        }
    }
    if (name == "PYT__STATUS_LIST") {
        statuses = "typedef enum pyt_status {\n" list "} pyt_status;"
    }
    if (name ~ /^PYT_[A-Z]|^pyt_[a-z]/ && !(name in noted)) {
        said()
        conditional = 0
        for (i = 1; i <= depth; i++) {
            if (branches[i] && !cplusplus[i]) { conditional = 1 }
        }
        if (text ~ /PYT__|pyt__/ || conditional) {
            text = "#define " name parameters " /* stands in pythreading.h */"
        }
        emit(text)
        note(name, 0)
    }
    next
}

/^typedef/ {
    text = $0
    while ($0 !~ /^typedef.*;|^}/) {
        if ((getline) <= 0) { break }
        text = text "\n" $0
    }
    type_done(text)
    next
}

/^(struct|enum|class|union)[^()]*\{/ {
    while ($0 !~ /^}/) {
        if ((getline) <= 0) { break }
    }
    comment = ""
    next
}

/^PYT__EXTERN|^PYT__STATIC_ASSERT/ {
    while ($0 ~ /^PYT__STATIC_ASSERT/ && $0 !~ /;/) { getline }
    next
}

/^PYT__/ && !/^PYT__HAS_LIST/ {
    text = $0
    while ($0 !~ /[;{]$/ && $0 !~ /[;{] *\/\*.*\*\/$/) {
        if ((getline) <= 0) { break }
        text = text " " $0
    }
    if ($0 ~ /\{$/) {
        while ($0 !~ /^}/) {
            if ((getline) <= 0) { break }
        }
    }
    function_done(text)
    next
}

/^[a-z]/ { comment = "" }

# The type whose name, and an underscore, begins the name of what is done with it.
function family(name, type, best) {
    best = ""
    for (type in types) {
        if (index_of(name, type "_") && length(type) > length(best) &&
            room_of[type] == room_of[name]) {
            best = type
        }
    }
    return best
}

function index_of(text, start) {
    return substr(text, 1, length(start)) == start
}

function put(word) {
    if (length(line) + length(word) + 1 > 98) {
        print line
        line = " *                 "
    }
    line = line " " word
}

# The ending by which `word` is a form of the name `base`, or "".
function ending(word, base, rest) {
    if (!index_of(word, base "_")) { return "" }
    rest = substr(word, length(base) + 1)
    return rest ~ /^_(nowait|timeout|n|all|async|unordered)$/ ? rest : ""
}

# Put the first `n` of `words`; the forms of one name are put together.
function put_all(words, n, i, j, forms, alone) {
    for (i = 1; i <= n; i++) {
        forms = ""
        alone = 1
        for (j = 1; j <= n; j++) {
            if (ending(words[j], words[i]) != "") {
                forms = forms (forms == "" ? "" : " ") ending(words[j], words[i])
            }
            if (ending(words[i], words[j]) != "") { alone = 0 }
        }
        if (alone) { put(words[i] (forms == "" ? "" : "[" forms "]")) }
    }
}

function print_room(which, i, j, n, name, words, parts, count, heads, head_of) {
    line = sprintf(" *   %-14s", which)
    n = 0
    for (i = 1; i <= n_names; i++) {
        name = order[i]
        if (room_of[name] != which || family(name) != "") { continue }
        count = 0
        for (j = 1; j <= n_names; j++) {
            if (room_of[order[j]] == which && family(order[j]) == name) {
                parts[++count] = substr(order[j], length(name) + 1)
            }
        }
        if (count > 0) {
            put_all(words, n)
            n = 0
            put(name)
            put_all(parts, count)
        } else {
            words[++n] = name
        }
    }
    put_all(words, n)
    print line
}

END {
    out("\n#if defined(__cplusplus)\n}\n#endif\n#endif")
    if (index_only) {
        for (i = 1; i <= n_names; i++) {
            if (!(room_of[order[i]] in shown)) {
                shown[room_of[order[i]]] = 1
                print_room(room_of[order[i]])
            }
        }
    }
}
