"""CSV: columns where they are mapped to, rows of one reference as one document, and every doubt told before sending."""

from __future__ import annotations

from typing import Any

import pytest

from worker.files import BrokenFile, Columns, NoTarget, Reading, Way, columns_of, constant_of, read
from worker.files.values import Manner

MAP = (
    "reference=order",
    "client.id=customer",
    "date=day",
    "items[].id=sku",
    "items[].price=price",
    "items[].quantity=qty",
    "items[].tax[].id=tax",
)

HEAD = "order,customer,day,sku,price,qty,tax\n"


def way_of(*maps: str, sets: tuple[str, ...] = (), **manner: Any) -> Way:
    mapped = [each for written in maps for each in columns_of(written)]
    return Way(columns=Columns(mapped, manner=Manner(**manner)), constants=[constant_of(each) for each in sets])


def reading_of(text: str, way: Way | None = None) -> Reading:
    return read("sales.csv", text.encode(), way or way_of(*MAP))


def broken(text: str, way: Way | None = None) -> str:
    with pytest.raises(BrokenFile) as raised:
        reading_of(text, way)
    return str(raised.value)


def test_rows_of_one_reference_are_the_lines_of_one_document() -> None:
    rows = "A-1,77,2026-03-02,12,1000.50,1,3\nA-2,78,2026-03-02,13,5,2,\nA-1,77,2026-03-02,14,7,3,3\n"
    reading = reading_of(HEAD + rows)
    assert [(each.reference, each.line) for each in reading.documents] == [("A-1", 2), ("A-2", 3)]
    assert reading.documents[0].body == {
        "client": {"id": "77"},
        "date": "2026-03-02",
        "items": [
            {"id": "12", "price": 1000.5, "quantity": 1, "tax": [{"id": "3"}]},
            {"id": "14", "price": 7, "quantity": 3, "tax": [{"id": "3"}]},
        ],
    }
    assert reading.documents[1].body["items"] == [{"id": "13", "price": 5, "quantity": 2}]


def test_columns_called_as_fields_need_no_map() -> None:
    (found,) = reading_of("reference,client.id,items[].id,items[].price\nA-1,77,12,5\n", Way()).documents
    assert (found.reference, found.body) == ("A-1", {"client": {"id": "77"}, "items": [{"id": "12", "price": 5}]})


def test_constants_reach_every_document() -> None:
    way = way_of(*MAP, sets=("numberTemplate.id=7", "items[].tax[].id=3"))
    (found,) = reading_of(HEAD + "A-1,77,,12,5,1,\nA-1,,,13,5,1,\n", way).documents
    assert found.body["numberTemplate"] == {"id": 7}
    assert [each["tax"] for each in found.body["items"]] == [[{"id": 3}], [{"id": 3}]]


def test_without_a_reference_every_row_is_a_document() -> None:
    reading = reading_of("client.id,items[].id\n77,1\n77,2\n77,1\n", Way())
    assert [each.body["items"] for each in reading.documents] == [[{"id": "2"}]]
    assert "lines 2, 4 are equal and have no reference" in str(reading.problems[0])


def test_a_column_may_be_the_reference_and_nothing_else() -> None:
    way = Way(reference_field="order", columns=Columns(columns_of("client.id=customer")))
    reading = reading_of("order,customer,paid\nA-1,77,yes\n", way)
    assert (reading.documents[0].reference, reading.documents[0].body) == ("A-1", {"client": {"id": "77"}})
    assert reading.notices == ["columns that --map does not name are not read: paid"]


def test_several_mappings_stand_in_one_option() -> None:
    assert [each.column for each in columns_of("client.id=customer,date=day,note")] == ["customer,date=day,note"]
    assert [(each.target.path, each.column) for each in columns_of("client.id=customer, date=day")] == [
        ("client.id", "customer"),
        ("date", "day"),
    ]


def test_a_bad_row_sinks_its_document_alone_and_all_is_told_at_once() -> None:
    rows = "A-1,77,2026-02-30,12,abc,1,3\nA-1,78,2026-02-30,12,5,one,3\nA-2,77,2026-03-02,12,5,1,3\n"
    reading = reading_of(HEAD + rows)
    assert [each.reference for each in reading.documents] == ["A-2"]
    assert reading.sunk == 1
    assert [(each.line, each.field, each.value) for each in reading.problems] == [
        (2, "day (date)", "2026-02-30"),
        (2, "price (items[].price)", "abc"),
        (3, "customer (client.id)", "78"),
        (3, "qty (items[].quantity)", "one"),
    ]
    assert str(reading.problems[0]) == (
        "sales.csv, line 2, day (date) '2026-02-30': the calendar has no such day. "
        "Correct it; days are read as in 2026-03-31."
    )
    assert "line 2 of the same document says '77'" in str(reading.problems[2])


def test_a_line_that_may_belong_to_any_document_breaks_the_file() -> None:
    told = broken(HEAD + "A-1,77,2026-03-02,12,5,1,3\n,77,2026-03-02,12,5,1,3\n")
    assert "line 3, order: it is empty" in told
    assert "Which document this line belongs to cannot be told" in told
    elsewhere = broken(
        "customer,order,sku\n77,A-1\n", way_of("reference=order", "client.id=customer", "items[].id=sku")
    )
    assert "it has 2 cells, and the first line has 3" in elsewhere


def test_a_row_with_cells_too_few_sinks_its_document() -> None:
    reading = reading_of(HEAD + "A-1,77,2026-03-02,12,5,1,3\nA-1,77,2026-03-02\nA-2,77,2026-03-02,12,5,1,3\n")
    assert [each.reference for each in reading.documents] == ["A-2"]
    assert "line 3: it has 3 cells, and the first line has 7" in str(reading.problems[0])


def test_where_a_row_is_a_document_an_empty_reference_sinks_it_alone() -> None:
    reading = reading_of("order,customer\nA-1,77\n,78\n", way_of("reference=order", "client.id=customer"))
    assert [each.reference for each in reading.documents] == ["A-1"]
    assert "line 3, order: it is empty" in str(reading.problems[0])


@pytest.mark.parametrize(
    ("written", "decimal", "value"),
    [
        ("1234.5", None, 1234.5),
        ("-7", None, -7),
        ("1,234.50", "point", 1234.5),
        ("1.234,50", "comma", 1234.5),
        ("1.234", "comma", 1234),
        ("1.234", "point", 1.234),
        ("0.125", None, 0.125),
        ("1234.125", None, 1234.125),
        ("1234,5", "comma", 1234.5),
        ("00012.10", None, 12.1),
    ],
)
def test_numbers_are_read_as_the_file_writes_them(written: str, decimal: str | None, value: float) -> None:
    (found,) = reading_of(f'items[].price\n"{written}"\n', way_of(decimal=decimal)).documents
    assert found.body["items"] == [{"price": value}]


@pytest.mark.parametrize(
    ("written", "decimal", "sentence"),
    [
        ("1,5", None, "it may be parted by thousands or by decimals. Say which the file means: --decimal point"),
        ("1,234.50", None, "it may be parted by thousands or by decimals"),
        # Fifty thousand pesos in Bogotá, fifty in Mexico.
        ("50.000", None, "it may be parted by thousands or by decimals"),
        ("1.234.567", None, "it may be parted by thousands or by decimals"),
        ("1,5", "point", "it is no number with a decimal point, and one without"),
        ("1234.5", "comma", "it is no number with a decimal comma, and one without"),
    ],
)
def test_numbers_written_in_another_way_than_said_break_the_file(
    written: str, decimal: str | None, sentence: str
) -> None:
    assert sentence in broken(f'items[].price\n5\n"{written}"\n', way_of(decimal=decimal))


@pytest.mark.parametrize("written", ["$5", "5 %", "1E+05", "1 000", "1.2.3", "five", "--1", "१२"])
def test_what_is_no_number_is_a_problem(written: str) -> None:
    reading = reading_of(f"items[].price\n{written}\n", Way())
    assert [each.what for each in reading.problems] == ["it is no number"]


@pytest.mark.parametrize(
    ("written", "order", "value"),
    [
        ("2026-03-02", "ymd", "2026-03-02"),
        ("2026/3/2", "ymd", "2026-03-02"),
        ("2026-03-02 00:00:00", "ymd", "2026-03-02"),
        ("02/03/2026", "dmy", "2026-03-02"),
        ("2.3.2026", "dmy", "2026-03-02"),
        ("03/02/2026", "mdy", "2026-03-02"),
    ],
)
def test_dates_become_iso(written: str, order: str, value: str) -> None:
    assert reading_of(f"date\n{written}\n", way_of(dates=order)).documents[0].body == {"date": value}


def test_a_date_in_another_order_is_told_with_the_option() -> None:
    reading = reading_of("date\n02/03/2026\n02/03/26\nMarch 2\n", Way())
    assert "If the file writes them so, say --dates dmy or mdy" in str(reading.problems[0])
    assert "--dates" not in str(reading.problems[1]) + str(reading.problems[2])


def test_an_id_that_a_spreadsheet_has_rounded_is_a_problem() -> None:
    reading = reading_of("client.id\n1.23E+11\n0012\n", Way())
    assert [each.body for each in reading.documents] == [{"client": {"id": "0012"}}]
    assert "it is no id of Alegra's" in str(reading.problems[0])


def test_a_colon_says_how_a_cell_is_read() -> None:
    maps = way_of("a=a,b:number=b,c:bool=c,date:text=d")
    assert reading_of("a,b,c,d\n01,2,yes,soon\n", maps).documents[0].body == {
        "a": "01",
        "b": 2,
        "c": True,
        "date": "soon",
    }


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_the_one_of_the_first_line(delimiter: str) -> None:
    text = delimiter.join(["client.id", "items[].price"]) + "\n" + delimiter.join(["77", "5"])
    assert reading_of(text, Way()).documents[0].body == {"client": {"id": "77"}, "items": [{"price": 5}]}


def test_excels_first_line_names_the_delimiter_and_is_no_row() -> None:
    reading = reading_of("sep=;\r\nclient.id;items[].price\r\n77;5\r\n78;x\r\n", Way())
    assert [(each.line, each.body["client"]) for each in reading.documents] == [(3, {"id": "77"})]
    assert [each.line for each in reading.problems] == [4]


def test_a_cell_of_several_lines_is_one_and_its_row_begins_where_it_begins() -> None:
    reading = reading_of('observations,date\n"a\nb",2026-03-02\nc,soon\n', Way())
    assert [(each.line, each.body["observations"]) for each in reading.documents] == [(2, "a\nb")]
    assert [each.line for each in reading.problems] == [4]


@pytest.mark.parametrize(
    ("text", "way", "sentence"),
    [
        ("client.id\n", Way(), "it has names of columns and no line below them"),
        ("client.id,client.id\n1,2\n", Way(), "two columns have this name"),
        ("client name\nx\n", Way(), "the column has the name of no field"),
        ("a\n1\n", way_of("client.id=b"), "there is no such column. The columns are a."),
        ("client.id\n1\n", way_of("customer=client_id"), "there is no such column"),
        ("customer\n1\n", way_of("customer=client.id"), "Perhaps the other way round: --map client.id=customer"),
        ("a,b\n1,2\n", way_of("x=a", "x=b"), "'a' and 'b' are both to be x"),
        ("a,b\n1,2\n", way_of("x=a", "x.y=b"), "x.y cannot be written: something else stands on the way to it"),
        ('a,b\n1,"2\n', Way(), "it is no CSV"),
        ("order\nA\n", Way(reference_field="number"), "--reference-field 'number': there is no such column"),
    ],
)
def test_a_table_that_cannot_be_read_is_told(text: str, way: Way, sentence: str) -> None:
    assert sentence in broken(text, way)


@pytest.mark.parametrize(
    "written", ["", ".id", "client..id", "client id", "items[", "items[x]", "[]", "items[900]", "a:money", "client.id="]
)
def test_what_names_no_field_is_refused(written: str) -> None:
    with pytest.raises(NoTarget):
        columns_of(written)


@pytest.mark.parametrize("written", ["client.id", "=7", "a b=7"])
def test_a_constant_without_field_or_value_is_refused(written: str) -> None:
    with pytest.raises(NoTarget):
        constant_of(written)


def test_elements_may_be_named_by_their_place() -> None:
    maps = way_of("items[].tax[0].id=iva", "items[].tax[1].id=ica", "tags[1]=tag")
    both, one = reading_of("iva,ica,tag\n3,4,x\n,4,\n", maps).documents
    assert both.body == {"items": [{"tax": [{"id": "3"}, {"id": "4"}]}], "tags": ["x"]}
    assert one.body == {"items": [{"tax": [{"id": "4"}]}]}


class TestEncoding:
    def test_a_byte_order_mark_is_no_part_of_the_first_name(self) -> None:
        assert read("s.csv", "client.name\nÑandú".encode("utf-8-sig"), Way()).documents[0].body == {
            "client": {"name": "Ñandú"}
        }

    def test_another_encoding_is_told_with_the_byte_and_the_line(self) -> None:
        with pytest.raises(BrokenFile, match=r"s\.csv, line 3: byte 0xD1 stands there, which is no utf-8.*latin-1"):
            read("s.csv", "name\nx\nÑandú".encode("latin-1"), Way())

    @pytest.mark.parametrize(("said", "written"), [("latin-1", "latin-1"), ("windows-1252", "cp1252")])
    def test_an_encoding_that_is_said_is_used(self, said: str, written: str) -> None:
        data = "name\nÑandú".encode(written)
        assert read("s.csv", data, Way(encoding=said)).documents[0].body == {"name": "Ñandú"}

    def test_utf_16_is_told_as_what_excel_calls_it(self) -> None:
        with pytest.raises(BrokenFile, match="Save it as CSV UTF-8"):
            read("s.csv", "name\nx".encode("utf-16"), Way())

    def test_utf_8_read_as_something_else_is_told(self) -> None:
        reading = read("s.csv", "name\nÑandú".encode(), Way(encoding="windows-1252"))
        assert "look at a name before you trust windows-1252" in reading.notices[0]
        with pytest.raises(BrokenFile, match="it is marked as UTF-8"):
            read("s.csv", "name\nÑandú".encode("utf-8-sig"), Way(encoding="latin-1"))

    def test_control_characters_are_a_problem(self) -> None:
        reading = read("s.csv", b"name\nx\x00y\n", Way())
        assert "it holds the control character U+0000" in str(reading.problems[0])
